"""``detox train bart``."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.train import BartSettings


def _plan(settings: BartSettings, progress: Progress) -> Result:
    from detox_cli.services.train_bart.plan import plan

    return plan(settings, progress)


@command(
    "train.bart",
    BartSettings,
    examples=(
        "detox train bart pairs.jsonl -o rewriter --profile offline",
        "detox train bart paradetox.tsv -o rewriter -m facebook/bart-base",
        "detox train bart paradetox.tsv -o published --profile paradetox-bart-large --dry-run",
        "accelerate launch -m detox_cli train bart paradetox.tsv -o rewriter -m facebook/bart-large",
    ),
    resumable=True,
    plan=_plan,
)
def bart(settings: BartSettings, progress: Progress) -> Result:
    """Train a sequence-to-sequence rewriter on pairs."""
    from detox_cli.services.train_bart.run import run

    return run(settings, progress)
