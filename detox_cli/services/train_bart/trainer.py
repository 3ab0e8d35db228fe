"""The training loop of a rewriter: transformers' trainer with written samples scored at each measurement."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list, gather_object
from torch.utils.data import Sampler
from transformers import (
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)

from detox_cli.models.loading import Loaded
from detox_cli.models.rewriting import Rewriting
from detox_cli.output.progress import Task
from detox_cli.services.train_bart.batches import Collator, Encoded
from detox_cli.services.train_bart.mixing import Mixture, weights_of
from detox_cli.services.train_bart.quality import Judges, judge, rewrite
from detox_cli.services.train_bart.rows import Source
from detox_cli.services.training.callbacks import Listener, Metrics
from detox_cli.services.training.checkpoints import Keeping, comparing
from detox_cli.services.training.lengths import SimilarLengths
from detox_cli.services.training.processes import world_size
from detox_cli.services.training.recipe import Recipe, trainer_arguments
from detox_cli.settings.train import BartSettings

METRICS = {"j": "eval_J", "loss": "eval_loss"}
"""What ``--select`` compares, by its name in the log."""


@dataclass(frozen=True)
class Measure:
    """What is written and scored at each measurement."""

    sources: list[Source]
    judges: Judges | None
    max_length: int
    batch_size: int
    habits: Rewriting = field(default_factory=Rewriting)


class RewriterTrainer(Seq2SeqTrainer):  # type: ignore[misc]
    """Trains on grouped lengths and adds the quality of written samples to every evaluation."""

    def __init__(self, measure: Measure, order: SimilarLengths | None, **rest: Any) -> None:
        super().__init__(**rest)
        # Encoder-decoders take the number of a step's tokens and do not divide by it: believed, the trainer
        # would add up the losses of batches and processes where it has to average them.
        self.model_accepts_loss_kwargs = False
        self._measure = measure
        self._order = order

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        if self._order is not None:
            return self._order
        sampler: Sampler[int] | None = super()._get_train_sampler(train_dataset)
        return sampler

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """The trainer's own loop for the loss, then the quality of what is written."""
        output = super().evaluation_loop(*args, **kwargs)
        output.metrics.update(self._quality())
        return output

    def _quality(self) -> Metrics:
        """Each process writes its share; the first one scores all."""
        if not self._measure.sources:
            return {}
        workers, rank = self.args.world_size, self.args.process_index
        model = self.accelerator.unwrap_model(self.model)
        texts = [source.text for source in self._measure.sources[rank::workers]]
        written = rewrite(
            model, self.processing_class, texts, self._measure.max_length, self._measure.batch_size
        )
        shares = [written] if workers == 1 else gather_object([written])
        scored: list[Metrics] = [{}]
        if self.is_world_process_zero():
            outputs = [shares[i % workers][i // workers] for i in range(len(self._measure.sources))]
            quality = judge(self._measure.sources, outputs, self._measure.judges, self._measure.habits)
            scored = [{f"eval_{name}": estimate.mean for name, estimate in quality.items()}]
        return dict(scored[0] if workers == 1 else broadcast_object_list(scored)[0])


def build_trainer(
    settings: BartSettings,
    loaded: Loaded,
    sides: tuple[Encoded, Encoded],
    measure: Measure,
    folder: Path,
    task: Task,
    on_log: Callable[[int, Metrics], None],
) -> RewriterTrainer:
    """Everything that trains, put together; ``sides`` are the rows to train on and those held out."""
    training, held_out = sides
    mixture = mixture_of(settings, training.files)
    keeping = keeping_of(settings, len(held_out) > 0)
    recipe = Recipe.of(settings)
    words = trainer_arguments(recipe, recipe.passes(len(mixture)), keeping, folder, settings.output)
    args = Seq2SeqTrainingArguments(**words, label_smoothing_factor=settings.label_smoothing)
    order = row_order(settings, training, mixture)
    trainer = RewriterTrainer(
        measure,
        order,
        model=loaded.model,
        args=args,
        train_dataset=training,
        eval_dataset=held_out if len(held_out) else None,
        data_collator=Collator(
            loaded.tokenizer.pad_token_id,
            measure.max_length if settings.pad_to_max_length else None,
            settings.loss_on_padding,
            loaded.model.prepare_decoder_input_ids_from_labels if settings.label_smoothing else None,
        ),
        processing_class=loaded.tokenizer,
        callbacks=[Listener(task, on_log, order), *comparing(keeping, settings.patience)],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def keeping_of(settings: BartSettings, measured: bool) -> Keeping:
    """Which checkpoints stay, and which one becomes the model."""
    metric, greater = METRICS.get(settings.select), settings.select == "j"
    return Keeping.of(settings, measured=measured, metric=metric, greater_is_better=greater)


def mixture_of(settings: BartSettings, files: Iterable[int]) -> Mixture:
    """The rows of each epoch; ``files`` is the number of the file of each training row."""
    return Mixture(files, weights_of(settings), settings.seed)


def row_order(settings: BartSettings, training: Encoded, mixture: Mixture) -> SimilarLengths | None:
    """In which order rows are trained on; ``None`` where the trainer's own order does."""
    weighted = any(weight != 1 for weight in weights_of(settings))
    if not settings.group_by_length and not weighted:
        return None
    in_a_step = settings.batch_size * settings.accumulate * world_size()
    lengths = training.lengths if settings.group_by_length else [1] * len(training)
    return SimilarLengths(lengths, in_a_step, settings.seed, mixture if weighted else None)
