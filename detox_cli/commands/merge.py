"""``detox merge``: models of one kind in, one model out."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.merge import MergeSettings


def _look(settings: MergeSettings, progress: Progress) -> Result:
    from detox_cli.services.merge.look import look

    return look(settings, progress)


@command(
    "merge",
    MergeSettings,
    examples=(
        "detox merge one other -o mean",
        "detox merge one other --method ties --base base --weight 0.5 --density 0.4 -o merged",
        "detox merge --recipe recipe.yml -o merged",
        "detox merge base --adapter adapter -o folded",
        "detox merge tuned --base base --extract 16 -o adapter",
    ),
    resumable=True,
    plan=_look,
    needs_torch=False,
)
def merge(settings: MergeSettings, progress: Progress) -> Result:
    """Merge models, task vectors or adapters; recipes of mergekit are read as they are."""
    if settings.extract is not None:
        from detox_cli.services.merge.extracting import extract

        return extract(settings, progress)
    from detox_cli.services.merge.run import run

    return run(settings, progress)
