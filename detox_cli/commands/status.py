"""``detox status``: where work stands."""

from pathlib import Path
from typing import Annotated

import typer

from detox_cli.commands._options import Output
from detox_cli.commands._shared import plain_command
from detox_cli.services.result import Result
from detox_cli.settings.base import Flag


@plain_command(
    examples=[
        "detox status rewriter",
        "detox status runs --watch",
        "detox status rewriter --watch -q && detox generate rewriter rows.jsonl -o out.jsonl",
        "detox status runs --json | jq -r '.outputs[] | select(.state == \"stopped\") | .command'",
    ]
)
def status(
    shown: Output,
    outputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="OUTPUT",
            help="Files or folders that commands write; also what lies inside.",
            show_default=False,
        ),
        Flag(complete="file"),
    ],
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            "-w",
            help="Look again and again until nothing runs any more; 1 if what was watched has been stopped.",
            show_default=False,
        ),
    ] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.1, max=3600.0, help="Seconds between two looks with --watch.")
    ] = 2.0,
) -> Result:
    """Say where the work on outputs stands: finished, running, or stopped and how to go on."""
    from detox_cli.services.status.run import run

    if not watch:
        return run(outputs)
    from detox_cli.output.looking import looking
    from detox_cli.services.status.watch import watch as look_on

    with looking(quiet=shown.quiet) as show:
        return look_on(outputs, every, show)
