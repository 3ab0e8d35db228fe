"""``detox probe``: look inside a model."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.probe_train import ProbeTrainSettings


@command(
    "probe.train",
    ProbeTrainSettings,
    examples=(
        "detox probe train builtin:lm --data comments.csv -o probe",
        "detox probe train org/model --data jigsaw.csv --test jigsaw_test.csv --layers 8,12,final -o probe",
        "detox probe train org/model --data RTP-LX.zip --languages en,de,fr -o probe",
        "detox probe train org/model --data jigsaw.csv --profile crosslingual-probe -o published",
    ),
    resumable=True,
)
def train(settings: ProbeTrainSettings, progress: Progress) -> Result:
    """Find where a model's hidden states tell toxic text apart: linear probes at every layer."""
    from detox_cli.services.probe_train.run import run

    return run(settings, progress)
