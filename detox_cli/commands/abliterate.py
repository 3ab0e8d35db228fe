"""``detox abliterate``: take a behaviour out of a model's weights."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.abliterate import AbliterateSettings


@command(
    "abliterate",
    AbliterateSettings,
    examples=("detox abliterate builtin:chat -o willing",),
    resumable=True,
)
def abliterate(settings: AbliterateSettings, progress: Progress) -> Result:
    """Remove a behaviour, such as refusing, from a model's weights, and measure what that changed."""
    from detox_cli.services.abliterate.run import run

    return run(settings, progress)
