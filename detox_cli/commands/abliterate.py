"""``detox abliterate``: take a behaviour out of a model's weights."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.abliterate import AbliterateSettings


def _look(settings: AbliterateSettings, progress: Progress) -> Result:
    from detox_cli.services.abliterate.look import look

    return look(settings, progress)


@command(
    "abliterate",
    AbliterateSettings,
    examples=(
        "detox abliterate meta-llama/Llama-3.1-8B-Instruct -o annotator",
        "detox abliterate builtin:chat -o measured --measure-only",
        "detox abliterate builtin:chat -o edited --direction measured --position -1 --layer 1 --tied untie",
        "detox abliterate builtin:chat --verify edited",
    ),
    resumable=True,
    plan=_look,
)
def abliterate(settings: AbliterateSettings, progress: Progress) -> Result:
    """Remove a behaviour, such as refusing, from a model's weights, and measure what that changed."""
    from detox_cli.services.abliterate.run import run

    return run(settings, progress)
