"""The training loop of a detector: transformers' trainer, with the character F1 at each measurement."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer, TrainingArguments

from detox_cli.data.marked.read import MarkedText
from detox_cli.models.loading import Loaded
from detox_cli.models.segment_cnn import SegmentCnn, weighted_loss
from detox_cli.output.progress import Progress, Task
from detox_cli.runs.journal import Journal
from detox_cli.services.train_spans.encode import Collator, EncodedPosts
from detox_cli.services.train_spans.measuring import best_threshold, words_of
from detox_cli.services.training.callbacks import Listener, Metrics
from detox_cli.services.training.checkpoints import Keeping, comparing
from detox_cli.services.training.lengths import SimilarLengths
from detox_cli.services.training.log import journal_listener
from detox_cli.services.training.processes import world_size
from detox_cli.services.training.recipe import Recipe, trainer_arguments
from detox_cli.services.training.resuming import Trained, find_start, train
from detox_cli.settings.train_spans import SpansSettings

METRICS = {"f1": "eval_F1", "loss": "eval_loss"}
"""What ``--select`` compares, by its name in the log."""
SHOWN = {"loss": "loss", "eval_loss": "held-out loss", "eval_F1": "character F1"}


@dataclass(frozen=True)
class Lesson:
    """A model and what it is to learn.

    Attributes:
        loaded: The model with its tokenizer.
        training: The windows to train on.
        validation: Those to measure the loss on.
        texts: The same as texts, to measure F1 on.
    """

    loaded: Loaded
    training: EncodedPosts
    validation: EncodedPosts
    texts: list[MarkedText]


class SpansTrainer(Trainer):  # type: ignore[misc]
    """Trains on an order of rows of its own, weighs toxic tokens, and measures F1 at its best threshold."""

    def __init__(self, settings: SpansSettings, lesson: Lesson, order: SimilarLengths, **rest: Any) -> None:
        super().__init__(**rest)
        # The losses here are means: the trainer must not take them for sums over the tokens of a step.
        self.model_accepts_loss_kwargs = False
        self._settings = settings
        self._lesson = lesson
        self._order = order

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The mean over tokens, or a Segment-CNN's own loss."""
        if isinstance(self._lesson.loaded.model, SegmentCnn):
            outputs = model(**inputs)
            return (outputs.loss, outputs) if return_outputs else outputs.loss
        labels = inputs["labels"]
        outputs = model(**{name: value for name, value in inputs.items() if name != "labels"})
        loss = weighted_loss(outputs.logits, labels, self._settings.toxic_weight)
        return (loss, {"loss": loss, "logits": outputs.logits}) if return_outputs else loss

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """The trainer's own loop for the loss, then F1."""
        kwargs["prediction_loss_only"] = True
        output = super().evaluation_loop(*args, **kwargs)
        output.metrics.update(self._agreement())
        return output

    def _agreement(self) -> Metrics:
        settings, lesson = self._settings, self._lesson
        words = words_of(lesson.loaded, lesson.texts, settings.max_length, eval_tokens(settings))
        choice = best_threshold(lesson.texts, words)
        return {"eval_F1": choice.f1, "eval_threshold": choice.threshold}


def eval_tokens(settings: SpansSettings) -> int:
    """Padded tokens in a batch when measuring."""
    return settings.eval_batch_size * settings.max_length


def keeping_of(settings: SpansSettings, measured: bool) -> Keeping:
    """Which checkpoints stay, and which one becomes the model."""
    metric, greater = METRICS.get(settings.select), settings.select == "f1"
    return Keeping.of(settings, measured=measured, metric=metric, greater_is_better=greater)


def fit(
    settings: SpansSettings, lesson: Lesson, folder: Path, journal: Journal | None, progress: Progress
) -> Trained:
    """Train the model in place, from the last complete checkpoint in ``folder`` or from the start.

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
        trainer = _build(settings, lesson, folder, task, listener)
        return train(trainer, start, keeping_of(settings, bool(lesson.texts)))


def _build(
    settings: SpansSettings,
    lesson: Lesson,
    folder: Path,
    task: Task,
    on_log: Callable[[int, Metrics], None],
) -> SpansTrainer:
    keeping, recipe = keeping_of(settings, bool(lesson.texts)), Recipe.of(settings)
    words = trainer_arguments(recipe, recipe.passes(len(lesson.training)), keeping, folder, settings.output)
    in_a_step = settings.batch_size * settings.accumulate * world_size()
    order = SimilarLengths(lesson.training.lengths, in_a_step, settings.seed)
    tokenizer = lesson.loaded.tokenizer
    trainer = SpansTrainer(
        settings,
        lesson,
        order,
        model=lesson.loaded.model,
        args=TrainingArguments(**words),
        train_dataset=lesson.training,
        eval_dataset=lesson.validation if lesson.texts else None,
        data_collator=Collator(
            tokenizer.pad_token_id or 0,
            tokenizer.pad_token_type_id,
            settings.window if settings.head == "segment-cnn" else None,
        ),
        processing_class=tokenizer,
        callbacks=[Listener(task, on_log, order), *comparing(keeping, settings.patience)],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer
