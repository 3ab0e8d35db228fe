"""TRL's trainer with rows that are tokenized already, and a reference that is asked once and remembered."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader, Sampler
from trl import DPOTrainer

from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_file
from detox_cli.services.train_dpo.encode import Encoded
from detox_cli.services.train_dpo.measuring import Measure
from detox_cli.services.training.callbacks import Metrics
from detox_cli.services.training.lengths import SimilarLengths
from detox_cli.services.training.processes import same_for_all

REFERENCE = ("ref_chosen_logps", "ref_rejected_logps")


class PreferenceTrainer(DPOTrainer):  # type: ignore[misc]
    """`trl.DPOTrainer` on rows of token ids; its objective, its collator and its metrics are untouched.

    Args:
        order: In which order rows are trained on; ``None`` takes the trainer's own.
        measure: What is measured beside the loss; ``None`` measures nothing more.
        store: A folder for the answers of the reference, so that a run that goes on need not ask again.
        progress: Told about the asking.
        rest: As TRL takes it; datasets have the columns of `Encoded`.
    """

    train_dataset: Dataset
    eval_dataset: Dataset | None

    def __init__(
        self,
        order: SimilarLengths | None,
        measure: Measure | None,
        store: Path | None,
        progress: Progress,
        **rest: Any,
    ) -> None:
        self._order, self._measure = order, measure
        self._store, self._progress = store, progress
        super().__init__(**rest)

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """The rows are token ids already."""
        return dataset

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """The card of a finished model is our own, and checkpoints need none."""

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As TRL does, without its count of tokens, which begins again in a run that goes on."""
        for metrics in self._metrics.values():
            metrics.pop("num_tokens", None)
        super().log(logs, start_time)

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """As TRL does, with the sums of all processes in its means.

        TRL hands one sum of each process to ``gather_for_metrics``, which takes what it gathers for rows and
        at the end of an epoch cuts it down to as many as there are left: fewer processes, and not the same
        number of them in a run that goes on.
        """
        with _all_gathered(self.accelerator):
            return super().compute_loss(*args, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        if self._order is not None:
            return self._order
        sampler: Sampler[int] | None = super()._get_train_sampler(train_dataset)
        return sampler

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        """TRL asks while it is put together; here nothing is computed until `ask_reference`."""
        return dataset

    def ask_reference(self) -> None:
        """Give every row what the reference says of it; afterwards the reference is not needed any more."""
        size = int(self.args.precompute_ref_batch_size)
        self.train_dataset = self._with_answers(self.train_dataset, "train", size)
        if self.eval_dataset is not None:
            self.eval_dataset = self._with_answers(self.eval_dataset, "eval", size)
        self.ref_model = None

    def _with_answers(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        """From the store, else asked in batches of similar length."""
        path = self._store / f"reference-{name}.safetensors" if self._store else None
        if path is None or not same_for_all(path.is_file()):
            answers = self._ask(dataset, name, batch_size)
            if path is not None and self.accelerator.is_main_process:
                path.parent.mkdir(parents=True, exist_ok=True)
                with atomic_file(path) as temporary:
                    save_file(answers, temporary)
            self.accelerator.wait_for_everyone()
        else:
            answers = load_file(path)
        for column, numbers in answers.items():
            dataset = dataset.add_column(column, numbers.tolist())
        return dataset

    def _ask(self, dataset: Dataset, name: str, batch_size: int) -> dict[str, torch.Tensor]:
        order = longest_first(dataset)
        rows = DataLoader(
            dataset.select(order),
            batch_size,
            collate_fn=self.data_collator,
            shuffle=False,
        )
        parts: list[tuple[torch.Tensor, torch.Tensor]] = []
        model = self.ref_model or self.model
        # What is to be split is still whole, and in the memory of the CPU until training begins.
        waits = self.ref_model is None and (self.is_deepspeed_enabled or self.is_fsdp_enabled)
        if waits:
            model.to(self.accelerator.device)
        was_training = model.training
        model.eval()
        with self._progress.task(f"asking the reference, {name}", len(dataset)) as task:
            for batch in self.accelerator.prepare(rows):
                both = self.accelerator.gather_for_metrics(self.compute_ref_log_probs(model, batch))
                parts.append((both[0].float().cpu(), both[1].float().cpu()))
                task.advance(len(both[0]))
        model.train(was_training)
        if waits:
            model.to("cpu")
        back = torch.tensor(order).argsort()
        columns = (torch.cat(column)[back].contiguous() for column in zip(*parts, strict=True))
        return dict(zip(REFERENCE, columns, strict=True))

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """The trainer's own loop for the loss, then what is measured beside it."""
        output = super().evaluation_loop(*args, **kwargs)
        if self._measure is not None:
            output.metrics.update(self._measured(self._measure, output.metrics))
        return output

    def _measured(self, measure: Measure, metrics: Metrics) -> Metrics:
        """What the first process measures, on all of them."""
        found: Metrics = {}
        if self.is_world_process_zero():
            found = measure.during(self.accelerator.unwrap_model(self.model), metrics["eval_loss"])
        return {f"eval_{name}": value for name, value in same_for_all(found).items()}


@contextmanager
def _all_gathered(accelerator: Any) -> Iterator[None]:
    """Let nothing of what is gathered be cut off."""
    accelerator.gather_for_metrics = accelerator.gather
    try:
        yield
    finally:
        del accelerator.gather_for_metrics  # the method of its class is seen again


def longest_first(dataset: Dataset) -> list[int]:
    """The numbers of the rows, longest first: batches hold little padding, and the first is the largest."""
    columns = (dataset["prompt_ids"], dataset["chosen_ids"], dataset["rejected_ids"])
    lengths = [len(p) + max(len(c), len(r)) for p, c, r in zip(*columns, strict=True)]
    return sorted(range(len(lengths)), key=lambda number: -lengths[number])


def as_dataset(rows: Encoded) -> Dataset:
    """Rows as TRL takes them."""
    return Dataset.from_dict(rows.columns)
