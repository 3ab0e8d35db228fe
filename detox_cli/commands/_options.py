"""The options that commands share, as dataclasses whose fields are the parameters."""

import inspect
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from detox_cli.lazy import COMMON
from detox_cli.settings.base import Flag


def _switch(*names: str, help: str) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=COMMON, show_default=False)


Json = Annotated[bool, _switch("--json", help="Print the result as one JSON document.")]
Quiet = Annotated[bool, _switch("--quiet", "-q", help="Print only the one value that matters.")]
Verbose = Annotated[bool, _switch("--verbose", "-v", help="Print details and the libraries' own messages.")]
Debug = Annotated[bool, _switch("--debug", help="Show the traceback of an error.")]
PrintConfig = Annotated[
    bool, _switch("--print-config", help="Print the settings as a profile, with their origins, and stop.")
]
DryRun = Annotated[
    bool, _switch("--dry-run", help="Check settings, inputs and models, print the plan, and stop.")
]
Offline = Annotated[bool, _switch("--offline", help="Use nothing that is not on this machine already.")]
Profiles = Annotated[
    list[str] | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="A profile's name or file; of several, later ones win.",
        rich_help_panel=COMMON,
        show_default=False,
    ),
    Flag(complete="profile"),
]


@dataclass(frozen=True, kw_only=True)
class Output:
    """The options of every command."""

    json: Json = False
    quiet: Quiet = False
    verbose: Verbose = False
    debug: Debug = False


@dataclass(frozen=True, kw_only=True)
class Control(Output):
    """The options of every command that has settings."""

    profile: Profiles = None
    print_config: PrintConfig = False
    dry_run: DryRun = False
    offline: Offline = False


def parameters(options: type[Output]) -> list[inspect.Parameter]:
    """The fields of ``options`` as keyword parameters."""
    return list(inspect.signature(options, eval_str=True).parameters.values())


def take_control(values: dict[str, Any]) -> Control:
    """Take the options of `Control` out of the parsed parameters."""
    return Control(**{item.name: values.pop(item.name) for item in parameters(Control)})


def take_output(values: dict[str, Any]) -> Output:
    """Take the options of `Output` out of the parsed parameters."""
    return Output(**{item.name: values.pop(item.name) for item in parameters(Output)})
