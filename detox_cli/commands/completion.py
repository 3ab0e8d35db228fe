"""``detox completion``: scripts that complete commands, flags, models and files when Tab is pressed."""

from typing import Annotated, Literal

import typer

from detox_cli.commands._shared import plain_command
from detox_cli.services.result import Result


@plain_command(
    examples=[
        "detox completion --install",
        "detox completion fish --uninstall",
        "detox completion zsh > ~/.zfunc/_detox",
        ". <(detox completion bash)",
    ]
)
def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"] | None,
        typer.Argument(metavar="SHELL", help="bash, zsh or fish; the one in $SHELL if left out."),
    ] = None,
    install: Annotated[
        bool,
        typer.Option("--install", help="Write script and man page to where shell and man find them."),
    ] = False,
    uninstall: Annotated[
        bool, typer.Option("--uninstall", help="Remove what --install has written.")
    ] = False,
) -> Result:
    """Print a completion script, or install it."""
    from detox_cli.completion import install as scripts

    return scripts.completion(shell, install=install, uninstall=uninstall)
