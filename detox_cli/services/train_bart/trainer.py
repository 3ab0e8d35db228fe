"""The training loop of a rewriter: transformers' trainer with written samples scored at each measurement."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list, gather_object
from torch.utils.data import Sampler
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from detox_cli.models.loading import Loaded
from detox_cli.models.rewriting import Rewriting
from detox_cli.output.progress import Task
from detox_cli.services.train_bart.batches import Collator, Encoded, SimilarLengths
from detox_cli.services.train_bart.checkpoints import METRICS, KeepBest
from detox_cli.services.train_bart.mixing import Mixture, weights_of
from detox_cli.services.train_bart.quality import Judges, judge, rewrite
from detox_cli.services.train_bart.rows import Source
from detox_cli.services.train_bart.trackers import report_to
from detox_cli.settings.train import BartSettings

Metrics = dict[str, float]


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


class Listener(TrainerCallback):  # type: ignore[misc]
    """Counts steps, hands every log on, and tells the sampler the epoch."""

    def __init__(
        self, task: Task, on_log: Callable[[int, Metrics], None], order: SimilarLengths | None
    ) -> None:
        self._task = task
        self._on_log = on_log
        self._order = order

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Accelerate forwards the epoch to the sampler on one process only."""
        if self._order is not None:
            self._order.set_epoch(math.floor((state.epoch or 0) + 1e-6))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """One optimizer step is done."""
        self._task.advance()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Loss, learning rate or a measurement."""
        numbers = {k: float(v) for k, v in (logs or {}).items() if isinstance(v, int | float)}
        if state.is_world_process_zero and not any(k.startswith("train_") for k in numbers):
            self._on_log(state.global_step, numbers)


def has_fast_bfloat16(device: str) -> bool:
    """Whether matrix products in bfloat16 are done by the hardware of ``device`` (``cuda`` or ``cpu``)."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def arguments(settings: BartSettings, folder: Path, rows: int, held_out: int) -> Seq2SeqTrainingArguments:
    """The settings in the trainer's words; ``folder`` is where checkpoints go."""
    on_cpu = settings.device == "cpu" or not torch.cuda.is_available()
    kind = settings.precision
    if kind == "auto":
        kind = "bfloat16" if has_fast_bfloat16("cpu" if on_cpu else "cuda") else "float32"
    every = measure_steps(settings, rows)
    measured = held_out > 0
    return Seq2SeqTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs(settings, rows),
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=int(settings.warmup) if settings.warmup >= 1 else settings.warmup,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.eval_batch_size,
        gradient_accumulation_steps=settings.accumulate,
        optim=settings.optimizer,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        label_smoothing_factor=settings.label_smoothing,
        bf16=kind == "bfloat16",
        fp16=kind == "float16",
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        seed=settings.seed,
        data_seed=settings.seed,
        logging_strategy="steps",
        logging_steps=_log_steps(every, total_steps(settings, rows)),
        eval_strategy="steps" if measured else "no",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=None if settings.keep_best else settings.checkpoints,
        load_best_model_at_end=measured and settings.select != "last",
        metric_for_best_model=METRICS.get(settings.select) if measured else None,
        greater_is_better=settings.select == "j",
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        disable_tqdm=True,
        full_determinism=settings.deterministic,
        report_to=report_to(settings.tracker, settings.output),
        run_name=settings.output.name,
        # Said only when it is wanted: its name changes between versions of transformers.
        **({"gradient_checkpointing": True} if settings.gradient_checkpointing else {}),
    )


def _log_steps(every: int, total: int) -> int:
    """About forty logs in all, at steps that meet every checkpoint, so that a resumed log is the same."""
    wanted = max(1, min(every, total // 40))
    return max(steps for steps in range(1, wanted + 1) if every % steps == 0)


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def steps_per_epoch(settings: BartSettings, rows: int) -> int:
    """Optimizer steps in one pass."""
    batches = math.ceil(math.ceil(rows / world_size()) / settings.batch_size)
    return math.ceil(batches / settings.accumulate)


def total_steps(settings: BartSettings, rows: int) -> int:
    """Optimizer steps of the whole training, if it is not stopped early."""
    return math.ceil(epochs(settings, rows) * steps_per_epoch(settings, rows))


def epochs(settings: BartSettings, rows: int) -> float:
    """Passes over the data: as asked for, or more where that would be fewer than the least steps."""
    return max(settings.epochs, math.ceil(settings.min_steps / steps_per_epoch(settings, rows)))


def measure_steps(settings: BartSettings, rows: int) -> int:
    """Optimizer steps between measurements; more passes over few pairs are not measured more often."""
    stretched = epochs(settings, rows) / settings.epochs
    every = round(settings.eval_every * stretched * steps_per_epoch(settings, rows))
    return max(1, min(total_steps(settings, rows), every))


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
    args = arguments(settings, folder, len(mixture), len(held_out))
    order = row_order(settings, training, mixture)
    callbacks: list[Any] = [Listener(task, on_log, order)]
    if args.load_best_model_at_end and settings.patience:
        callbacks.append(EarlyStoppingCallback(settings.patience))
    if settings.keep_best:
        callbacks.append(KeepBest(settings))
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
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


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
