"""What all commands have in common: declare -> resolve -> run one service -> show the result."""

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeVar

import typer

from detox_cli.errors import BadSettings, Interrupted
from detox_cli.lazy import COMMON
from detox_cli.options import parameters_of, typed_values
from detox_cli.output.listener import listener, set_up_logging
from detox_cli.output.progress import Progress
from detox_cli.output.report import show
from detox_cli.services.result import Result
from detox_cli.settings.base import Flag, Section

S = TypeVar("S", bound=Section)
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


def _flag(*names: str, help: str) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=COMMON, show_default=False)


@dataclass(frozen=True, kw_only=True)
class Output:
    """The options that every command has; the names of the fields are those of the parameters."""

    json: Annotated[bool, _flag("--json", help="Print the result as one JSON document.")] = False
    quiet: Annotated[bool, _flag("--quiet", "-q", help="Print only the one value that matters.")] = False
    verbose: Annotated[
        bool, _flag("--verbose", "-v", help="Print details and the libraries' own messages.")
    ] = False
    debug: Annotated[bool, _flag("--debug", help="Show the traceback of an error.")] = False


@dataclass(frozen=True, kw_only=True)
class Control(Output):
    """The options of every command that has settings."""

    profile: Annotated[
        list[str] | None,
        typer.Option(
            help="A profile's name or file; of several, later ones win.",
            rich_help_panel=COMMON,
            metavar="NAME",
            show_default=False,
        ),
        Flag(complete="profile"),
    ] = None
    print_config: Annotated[
        bool, _flag("--print-config", help="Print the settings as a profile, with their origins, and stop.")
    ] = False
    dry_run: Annotated[
        bool, _flag("--dry-run", help="Check settings, inputs and models, print the plan, and stop.")
    ] = False
    offline: Annotated[bool, _flag("--offline", help="Use nothing that is not on this machine already.")] = (
        False
    )


def command(
    section: str, model: type[S], *, examples: Sequence[str] = (), resumable: bool = False
) -> Callable[[Callable[[S, Progress], Result]], Callable[..., None]]:
    """Make a command of a function from settings and a listener to a result.

    The command gets one option per field of ``model`` and those of `Control`. The function should import
    its service inside, because that import is what takes long.

    Args:
        section: The table of a profile that holds the settings, such as ``train.bart``.
        model: The settings class.
        examples: Whole command lines for the help.
        resumable: Whether the same command line continues interrupted work.
    """

    def decorate(function: Callable[[S, Progress], Result]) -> Callable[..., None]:
        @functools.wraps(function)
        def call(**values: Any) -> None:
            control = Control(**{item.name: values.pop(item.name) for item in fields(Control)})
            given = typed_values(model, values)
            prepare(control)
            _run(section, model, function, given, control, resumable)

        return _dress(call, [*parameters_of(model), *_parameters(Control)], examples)

    return decorate


def plain_command(*, examples: Sequence[str] = ()) -> Callable[[Callable[..., Result]], Callable[..., None]]:
    """Make a command of a function that has no settings, only typed parameters of its own."""

    def decorate(function: Callable[..., Result]) -> Callable[..., None]:
        @functools.wraps(function)
        def call(**values: Any) -> None:
            output = Output(**{item.name: values.pop(item.name) for item in fields(Output)})
            prepare(output)
            finish(function(**values), output)

        own = list(inspect.signature(function, eval_str=True).parameters.values())
        own = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own]
        return _dress(call, [*own, *_parameters(Output)], examples)

    return decorate


def prepare(output: Output) -> None:
    """Set what must be set before anything heavy is imported."""
    if output.quiet and output.verbose:
        raise BadSettings("--quiet and --verbose exclude each other", hint="give one of them")
    if output.debug:
        os.environ["DETOX_DEBUG"] = "1"
    if getattr(output, "offline", False):
        os.environ.update(dict.fromkeys(OFFLINE, "1"))
    set_up_logging(output.verbose)


def finish(result: Result, output: Output, *, rows_on_stdout: bool = False) -> None:
    """Show ``result``, then raise what it complains about, if anything."""
    show(result, as_json=output.json, quiet=output.quiet, rows_on_stdout=rows_on_stdout)
    if (problem := result.problem()) is not None:
        raise problem


def _run(
    section: str,
    model: type[S],
    function: Callable[[S, Progress], Result],
    given: dict[str, Any],
    control: Control,
    resumable: bool,
) -> None:
    from detox_cli.settings.resolve import resolve

    resolved = resolve(section, model, given, control.profile or ())
    if control.print_config:
        typer.echo(resolved.as_toml())
        return
    if control.dry_run:
        from detox_cli.services.plan import plan
        from detox_cli.settings.fields import named_things

        finish(plan(named_things(resolved.settings)), control)
        return
    try:
        with listener(quiet=control.quiet, verbose=control.verbose) as progress:
            progress.stage("loading torch…")
            result = function(resolved.settings, progress)
    except KeyboardInterrupt:
        raise Interrupted("stopped", hint=_how_to_go_on(resumable)) from None
    finish(result, control, rows_on_stdout=str(getattr(resolved.settings, "output", "")) == "-")


def _how_to_go_on(resumable: bool) -> str:
    if resumable:
        return "the same command continues where this one stopped"
    return "nothing was written; the same command starts again"


def _parameters(options: type[Output]) -> list[inspect.Parameter]:
    """The fields of ``options`` as keyword parameters."""
    return list(inspect.signature(options, eval_str=True).parameters.values())


def _dress(
    call: Callable[..., None], parameters: list[inspect.Parameter], examples: Sequence[str]
) -> Callable[..., None]:
    """Give ``call`` the signature from which Typer makes the options."""
    named: Any = call
    named.__signature__ = inspect.Signature(parameters)
    named.__annotations__ = {item.name: item.annotation for item in parameters}
    named.examples = tuple(examples)
    return call
