"""``detox status``: where work stands."""

from pathlib import Path
from typing import Annotated

import typer

from detox_cli.commands._shared import plain_command
from detox_cli.services.result import Result
from detox_cli.settings.base import Flag


@plain_command(
    examples=[
        "detox status rewriter",
        "watch detox status runs",
        "detox status runs --json | jq -r '.outputs[] | select(.state == \"stopped\") | .command'",
    ]
)
def status(
    outputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="OUTPUT",
            help="Files or folders that commands write; also what lies inside.",
            show_default=False,
        ),
        Flag(complete="file"),
    ],
) -> Result:
    """Say where the work on outputs stands: finished, running, or stopped and how to go on."""
    from detox_cli.services.status.run import run

    return run(outputs)
