"""What all commands have in common: declare -> resolve -> run one service -> show the result."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import typer

from detox_cli.commands._dry_run import dry_run
from detox_cli.commands._options import Control, Output, parameters, take_control, take_output
from detox_cli.commands._streams import refuse_streams
from detox_cli.errors import BadSettings, Interrupted
from detox_cli.options import parameters_of, typed_values
from detox_cli.output.listener import is_first_process, listener, set_up_logging
from detox_cli.output.progress import Progress
from detox_cli.output.report import command_line, show
from detox_cli.services.result import Result
from detox_cli.settings.base import Section

S = TypeVar("S", bound=Section)

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


def command(
    section: str,
    model: type[S],
    *,
    examples: Sequence[str] = (),
    resumable: bool = False,
    plan: Callable[[S, Progress], Result] | None = None,
    needs_torch: bool = True,
    with_profiles: bool = False,
) -> Callable[[Callable[..., Result]], Callable[..., None]]:
    """Make a command of a function from settings and a listener to a result.

    The command gets one option per field of ``model`` and those of `Control`. The function should import
    its service inside, because that import is what takes long.

    Args:
        section: The table of a profile that holds the settings, such as ``train.bart``.
        model: The settings class.
        examples: Whole command lines for the help.
        resumable: Whether the same command line continues interrupted work.
        plan: What ``--dry-run`` says beyond looking at what the settings name.
        needs_torch: Whether the first seconds go into loading torch, which is then said.
        with_profiles: Whether ``function`` gets the names of the profiles as well, to resolve the sections of
            other commands that take part.
    """

    def decorate(function: Callable[..., Result]) -> Callable[..., None]:
        @functools.wraps(function)
        def call(**values: Any) -> None:
            control = take_control(values)
            prepare(control)
            given = typed_values(model, values)
            if control.print_config:
                typer.echo(_describe(section, model, given, control))
                return
            settings = _resolve(section, model, given, control)
            refuse_streams(settings)
            also = (control.profile or (),) if with_profiles else ()
            work = dry_run(plan) if control.dry_run else lambda *parts: function(*parts, *also)
            with (
                _stoppable(resumable),
                listener(quiet=control.quiet, verbose=control.verbose) as shown,
                nullcontext(shown) if control.dry_run else _told(shown, settings) as progress,
            ):
                if needs_torch and not control.dry_run:
                    progress.stage("loading torch…")
                result = work(settings, progress)
            rows_on_stdout = not control.dry_run and str(getattr(settings, "output", "")) == "-"
            finish(result, control, rows_on_stdout=rows_on_stdout)

        return _dress(call, [*parameters_of(model), *parameters(Control)], examples)

    return decorate


def plain_command(*, examples: Sequence[str] = ()) -> Callable[[Callable[..., Result]], Callable[..., None]]:
    """Make a command of a function that has no settings, only typed parameters of its own.

    A parameter ``shown`` gets the options that every command has, `Output`.
    """

    def decorate(function: Callable[..., Result]) -> Callable[..., None]:
        own = inspect.signature(function, eval_str=True).parameters

        @functools.wraps(function)
        def call(**values: Any) -> None:
            output = take_output(values)
            prepare(output)
            finish(function(**values, **({"shown": output} if "shown" in own else {})), output)

        asked = [item for item in own.values() if item.name != "shown"]
        asked = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in asked]
        return _dress(call, [*asked, *parameters(Output)], examples)

    return decorate


def prepare(output: Output) -> None:
    """Set what must be set before anything heavy is imported."""
    if output.quiet and output.verbose:
        raise BadSettings("--quiet and --verbose exclude each other", hint="give one of them")
    if output.debug:
        os.environ["DETOX_DEBUG"] = "1"
    if isinstance(output, Control) and output.offline:
        os.environ.update(dict.fromkeys(OFFLINE, "1"))
    set_up_logging(output.verbose)


def finish(result: Result, output: Output, *, rows_on_stdout: bool = False) -> None:
    """Show ``result``, once if several processes work together; then raise what it complains about."""
    if is_first_process():
        profiles = (output.profile or ()) if isinstance(output, Control) else ()
        show(
            result,
            as_json=output.json,
            quiet=output.quiet,
            rows_on_stdout=rows_on_stdout,
            profiles=profiles,
        )
    if (problem := result.problem()) is not None:
        raise problem


def _resolve(section: str, model: type[S], given: dict[str, Any], control: Control) -> S:
    from detox_cli.settings.resolve import resolve

    return resolve(section, model, given, control.profile or ())


def _describe(section: str, model: type[Section], given: dict[str, Any], control: Control) -> str:
    from detox_cli.settings.resolve import describe

    return describe(section, model, given, control.profile or ())


@contextmanager
def _stoppable(resumable: bool) -> Iterator[None]:
    """Turn Ctrl+C and SIGTERM into an error that says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        verb = "continues" if resumable else "starts again"
        again = command_line("detox", *sys.argv[1:])
        raise Interrupted("stopped", hint=f"the same command {verb}: {again}") from None


@contextmanager
def _told(progress: Progress, settings: Section) -> Iterator[Progress]:
    """The listener, which also keeps what ``detox status`` reads if there is an output to work on.

    The output is held and shows itself from here on, before the seconds that loading takes.
    """
    output = getattr(settings, "output", None)
    if output is None or str(output) == "-" or not is_first_process():
        yield progress
        return
    from detox_cli.runs.lock import announced, refuse_unwritable
    from detox_cli.runs.status import told

    refuse_unwritable(output, overwrite=bool(getattr(settings, "overwrite", False)))
    with announced(output), told(progress, Path(output), sys.argv[1:]) as listening:
        yield listening


def _dress(
    call: Callable[..., None], parameters: list[inspect.Parameter], examples: Sequence[str]
) -> Callable[..., None]:
    """Give ``call`` the signature from which Typer makes the options."""
    named: Any = call
    named.__signature__ = inspect.Signature(parameters)
    named.__annotations__ = {item.name: item.annotation for item in parameters}
    named.examples = tuple(examples)
    return call
