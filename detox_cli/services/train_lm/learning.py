"""The training of one model, from its last complete checkpoint or from the start."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.scoring.losses import Loss
from detox_cli.services.train_lm.batches import EncodedTexts, Encoding
from detox_cli.services.train_lm.data import Texts
from detox_cli.services.train_lm.measuring import held_out_losses
from detox_cli.services.train_lm.packing import prove_apart
from detox_cli.services.train_lm.trainer import LmTrainer, build_trainer, keeping_of
from detox_cli.services.training.log import journal_listener
from detox_cli.services.training.lora import LoraShape
from detox_cli.services.training.recipe import Recipe
from detox_cli.services.training.resuming import Trained, find_start, train
from detox_cli.services.training.sharding import splits_weights
from detox_cli.settings.train_lm import LmSettings

SHOWN = {"loss": "loss", "eval_loss": "held-out loss", "eval_perplexity": "held-out perplexity"}


@dataclass(frozen=True)
class Lesson:
    """A model and what it is to learn.

    Attributes:
        model: The model, or the model with an adapter that alone is trained.
        tokenizer: Its tokenizer.
        training: The texts as token ids.
        held_out: Others, to measure on.
    """

    model: Any
    tokenizer: Any
    training: EncodedTexts
    held_out: EncodedTexts


@dataclass(frozen=True)
class Fitted:
    """A finished training.

    Attributes:
        trained: The trainer and its steps.
        stopped_at: The loss of the step that was above the limit, if one was.
        losses: What was lost on each held-out text, by the model that it started from and by itself.
    """

    trained: Trained
    stopped_at: float | None
    losses: dict[str, list[Loss]]


def encoding_of(settings: LmSettings, positions: int | None) -> Encoding:
    """How texts become token ids; a model with fewer positions reads less."""
    longest = min(settings.max_length, positions or settings.max_length)
    if not settings.packing:
        return Encoding(longest, settings.end_token)
    return Encoding(longest, settings.end_token, max(longest, settings.pack_length))


def prepare(settings: LmSettings, loaded: Loaded, texts: Texts) -> Lesson:
    """Encode the texts and make the model trainable.

    Raises:
        BadSettings: The model cannot keep packed texts apart, or the shape of the adapter is none.
    """
    model = loaded.model
    encoding = encoding_of(settings, getattr(model.config, "max_position_embeddings", None))
    training = EncodedTexts(texts.training, loaded.tokenizer, encoding)
    held_out = EncodedTexts(by_length(texts.held_out), loaded.tokenizer, replace(encoding, pack_length=None))
    model.config.use_cache = False  # a cache would be made for each batch, and hides that rows are packed
    if settings.packing:
        prove_apart(model, settings.model)
    if settings.lora:
        shape = LoraShape.read(settings.lora)
        model = shape.put_on(model, loaded.source.name, checkpointing=settings.gradient_checkpointing)
    return Lesson(model, loaded.tokenizer, training, held_out)


def by_length(texts: list[str]) -> list[str]:
    """Longest first, so that measuring needs little padding, and fails at once if it does not fit."""
    return sorted(texts, key=lambda text: (-len(text), text))


def fit(
    settings: LmSettings, lesson: Lesson, folder: Path, journal: Journal | None, progress: Progress
) -> Fitted:
    """Train ``lesson.model`` in place, from the last complete checkpoint in ``folder`` or from the start.

    Args:
        settings: Of the run.
        lesson: The model and its texts.
        folder: Where checkpoints are.
        journal: Takes every log; ``None`` on all processes but the first.
        progress: Told about steps and metrics.
    """
    start = find_start(folder)
    progress.stage(f"training on {lesson.training.tokens.texts} texts{start.words}")
    total = Recipe.of(settings).passes(len(lesson.training)).total
    with progress.task("training", total, start.done) as task:
        listener = journal_listener(journal, progress, SHOWN)
        sides = (lesson.training, lesson.held_out)
        trainer, limit = build_trainer(
            settings, lesson.model, lesson.tokenizer, sides, folder, task, listener
        )
        before = _losses(settings, lesson, trainer)
        trained = train(trainer, start, keeping_of(settings, len(lesson.held_out) > 0))
        after = _losses(settings, lesson, trainer)
    return Fitted(trained, limit.stopped_at, {"start": before, "model": after})


def _losses(settings: LmSettings, lesson: Lesson, trainer: LmTrainer) -> list[Loss]:
    """On each held-out text, now; nothing where no process has the whole model."""
    if splits_weights(trainer):
        return []
    return held_out_losses(lesson.model, lesson.held_out, settings.eval_batch_size)
