"""``detox train bart``: fine-tune an encoder-decoder on (toxic, neutral) pairs.

The training of ParaDetox and PseudoParaDetox (Logacheva et al. 2022, Moskovskiy et al. 2024) without what
costs time or honesty in it: padding is neither computed nor learnt, no source stands on both sides of the
split, the checkpoint is chosen by the quality of what it writes, and a killed run goes on where it was.
"""

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress
from detox_cli.services.train_bart.data import read_data
from detox_cli.services.train_bart.result import BartResult
from detox_cli.services.train_bart.seeds import BART_SEEDS, BartSeedsResult
from detox_cli.services.training.seeds import check_seeds, train_each_seed
from detox_cli.services.training.starting import check_trainer, listener_of_first
from detox_cli.settings.train import BartSettings


def run(settings: BartSettings, progress: Progress | None = None) -> BartResult | BartSeedsResult:
    """Train once, or once for each seed, and write the models to ``settings.output``.

    Under ``accelerate launch`` or ``torchrun`` all processes train and the first one alone speaks and writes.

    Raises:
        BadSettings: Settings contradict each other, or the output is taken.
        BadData: The pairs cannot be used.
        Missing: The model, a scorer or a tracker is not there.
    """
    check(settings)
    progress = listener_of_first(settings.device, progress)
    return train_each_seed(BART_SEEDS, settings, read_data(settings, progress), progress)


def check(settings: BartSettings) -> None:
    """Raise ``BadSettings`` if settings contradict each other, ``Missing`` if what they name is not there."""
    check_trainer(settings)
    check_seeds(settings.seeds)
    if settings.select != "last" and settings.eval_share == 0:
        raise BadSettings(
            f"--select {settings.select} needs held-out rows",
            where="--eval-share",
            hint="hold some out, or use --select last",
        )
