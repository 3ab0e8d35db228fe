"""The training of one rewriter, from its last complete checkpoint or from the start."""

from dataclasses import dataclass
from pathlib import Path

from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.train_bart.batches import Encoded
from detox_cli.services.train_bart.trainer import Measure, build_trainer, keeping_of, mixture_of
from detox_cli.services.training.log import journal_listener
from detox_cli.services.training.recipe import Recipe
from detox_cli.services.training.resuming import Trained, find_start, train
from detox_cli.services.training.sharding import needs_whole
from detox_cli.settings.train import BartSettings

SHOWN = {"loss": "loss", "eval_loss": "held-out loss", "eval_J": "J", "eval_chrF": "chrF"}


@dataclass(frozen=True)
class Sides:
    """Encoded rows of both sides, and what is measured on the way."""

    training: Encoded
    held_out: Encoded
    measure: Measure


def fit(
    settings: BartSettings,
    loaded: Loaded,
    sides: Sides,
    folder: Path,
    journal: Journal | None,
    progress: Progress,
) -> Trained:
    """Train ``loaded.model`` in place, from the last complete checkpoint in ``folder`` or from the start.

    Args:
        settings: Of the run.
        loaded: The model, whose generation config is the one to measure with.
        sides: The rows.
        folder: Where checkpoints are.
        journal: Takes every log; ``None`` on all processes but the first.
        progress: Told about steps and metrics.
    """
    start = find_start(folder)
    rows = len(mixture_of(settings, sides.training.files))
    progress.stage(f"training on {len(sides.training)} pairs{start.words}")
    with progress.task("training", Recipe.of(settings).passes(rows).total, start.done) as task:
        trainer = build_trainer(
            settings,
            loaded,
            (sides.training, sides.held_out),
            sides.measure,
            folder,
            task,
            journal_listener(journal, progress, SHOWN),
        )
        needs_whole(
            trainer,
            "an encoder-decoder, whose two halves share embeddings and which is measured by what it writes,",
            "train bart",
        )
        return train(trainer, start, keeping_of(settings, len(sides.held_out) > 0))
