"""The training loop: transformers' trainer with the loss of chains and, beside it, a contrast of answers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler
from transformers import Trainer

from detox_cli.services.train_cmd.batches import Layout
from detox_cli.services.train_cmd.contrasts import Collator, Contrast, Pairs, mean_by_owner, pair_gaps
from detox_cli.services.training.lengths import IGNORED, SimilarLengths
from detox_cli.services.training.processes import world_size

HIGHEST = 700.0
"""Nats per token whose perplexity is still a number."""


@dataclass(frozen=True)
class Objective:
    """What is trained for.

    Attributes:
        layout: Of the model.
        contrast: What is added to the loss of the chains; ``None`` for plain tuning.
        alpha: Its weight.
        every: Steps from one at which it is added to the next.
    """

    layout: Layout
    contrast: Contrast | None = None
    alpha: float = 0.0
    every: int = 1


class ChainTrainer(Trainer):  # type: ignore[misc]
    """Trains on nats per token of the chains plus ``alpha`` times the mean contrast of rows with negatives.

    Both means are over all batches and processes of an optimizer step, so that several processes compute what
    one would. Without a contrast nothing but the chains is computed, and no random number is drawn for it.

    Args:
        objective: What is trained for.
        order: In which order rows are trained on.
        rest: As transformers takes it.
    """

    loss_is_scaled_for_ga = True

    def __init__(self, objective: Objective, order: SimilarLengths, **rest: Any) -> None:
        together = world_size() > 1
        self._training = Collator(objective.layout, objective.contrast, together)
        super().__init__(**rest, data_collator=self._training)
        self._objective, self._order = objective, order
        self._measuring = Collator(objective.layout, Pairs(objective.layout), together)
        self._counts = (1.0, 1.0)
        self._seen: list[torch.Tensor] = []
        self._read: list[torch.Tensor] = []

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """Held-out rows with all their negatives, whatever is trained for."""
        self.data_collator = self._measuring
        try:
            found: DataLoader[Any] = super().get_eval_dataloader(eval_dataset)
        finally:
            self.data_collator = self._training
        return found

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """The batches of a step; learnt tokens and rows with negatives are counted, over all processes."""
        batches, items = super().get_batch_samples(*args, **kwargs)
        mine = [sum(map(self._tokens, batches)), sum(map(_owners, batches))]
        counts = torch.tensor([mine], dtype=torch.float64, device=self.args.device)
        tokens, owners = self.accelerator.gather(counts).sum(0).tolist()
        self._counts = max(1.0, tokens), max(1.0, owners)
        return batches, items

    def _tokens(self, batch: Mapping[str, Any]) -> int:
        shifted = self._objective.layout.decoder_start is None
        return int((batch["labels"][:, int(shifted) :] != IGNORED).sum())

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """What this batch adds to the loss of its step; when measuring, the mean loss of its tokens."""
        rows = {name: value for name, value in inputs.items() if name != "contrast"}
        reads = {name: value for name, value in rows.items() if name != "labels"}
        parts, wanted = inputs.get("contrast", {}), self._objective
        contrast = wanted.contrast if parts and model.training and self._due() else None
        outputs = model(**reads, output_hidden_states=contrast is not None and contrast.reads_states)
        nats, counted = wanted.layout.nats(outputs.logits, rows["labels"])
        if not model.training:
            self._measure(model, outputs, rows, parts, torch.stack([nats.sum(1), counted.sum(1)], 1))
            loss = nats.sum() / counted.sum().clamp(min=1)
        else:
            tokens, owners = (count / self.accelerator.num_processes for count in self._counts)
            loss = nats.sum() / tokens
            if contrast is not None:
                each = contrast.losses(model, outputs, rows, parts, self.state.global_step)
                counts = float("idle" not in parts)
                loss = loss + each.sum() * (wanted.alpha / owners * counts)
                self._seen.append(
                    torch.stack([each.detach().sum() * counts, each.new_tensor(_owners(inputs))])
                )
        return (loss.float(), outputs) if return_outputs else loss.float()

    def _due(self) -> bool:
        return int(self.state.global_step) % self._objective.every == 0

    def _measure(
        self, model: Any, outputs: Any, rows: Mapping[str, Any], parts: Mapping[str, Any], lost: torch.Tensor
    ) -> None:
        """Note what is lost on each row, and how many of its negatives are less likely than its answer."""
        told = lost.new_zeros(len(lost), 2)
        if parts:
            gaps = pair_gaps(self._objective.layout, model, outputs, rows, parts)
            told[:, 0] = mean_by_owner((gaps > 0).to(told), parts["owners"], len(told))
            told[parts["owners"], 1] = 1.0
            told *= float("idle" not in parts)
        self._read.append(self.accelerator.gather_for_metrics(torch.cat([lost, told], 1)))

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """The trainer's own loop, then nats per token and answers told apart over all rows."""
        self._read.clear()
        output = super().evaluation_loop(*args, **kwargs)
        nats, tokens, told, owners = torch.cat(self._read).sum(0).tolist()
        output.metrics["eval_loss"] = nats / max(1.0, tokens)
        output.metrics["eval_perplexity"] = math.exp(min(output.metrics["eval_loss"], HIGHEST))
        if owners:
            output.metrics["eval_told_apart"] = told / owners
        return output

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log what the contrast was as well, a mean since the last time."""
        if "loss" in logs and self._objective.contrast is not None:
            mine = torch.stack(self._seen).sum(0) if self._seen else torch.zeros(2)
            found = self.accelerator.gather(mine.double().to(self.args.device)[None]).sum(0)
            if found[1]:
                logs["contrast"] = float(found[0] / found[1])
            self._seen.clear()
        super().log(logs, *args, **kwargs)


def _owners(batch: Mapping[str, Any]) -> int:
    """How many rows of a batch have negatives."""
    parts = batch.get("contrast")
    return len(parts["owners"].unique()) if parts and "idle" not in parts else 0
