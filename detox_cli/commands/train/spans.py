"""``detox train spans``."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.train_spans import SpansSettings


def _plan(settings: SpansSettings, progress: Progress) -> Result:
    from detox_cli.services.train_spans.plan import plan

    return plan(settings, progress)


@command(
    "train.spans",
    SpansSettings,
    examples=(
        "detox train spans builtin:toxicity --data tsd_train.csv -o detector --profile offline",
        "detox train spans FacebookAI/roberta-base --data tsd_train.csv --test tsd_test.csv -o detector",
        "detox train spans builtin:toxicity --data tsd.csv --baseline builtin:lexicon -o detector",
        "detox train spans google-bert/bert-base-uncased --data tsd.csv --head segment-cnn -o detector",
    ),
    resumable=True,
    plan=_plan,
)
def spans(settings: SpansSettings, progress: Progress) -> Result:
    """Train a detector of toxic spans on texts in which they are marked."""
    from detox_cli.services.train_spans.run import run

    return run(settings, progress)
