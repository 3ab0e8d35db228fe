"""What is added to the loss of plain tuning: what each contrast needs of a batch, and what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch

from detox_cli.models.contrast import preference, unlikelihood
from detox_cli.services.train_cmd.batches import ChainRow, Layout, labels_of, pairs_of
from detox_cli.services.training.lengths import IGNORED

Parts = Mapping[str, Any]


class Rows(Protocol):
    """Chooses what is read of the negatives of a batch."""

    def collate(self, rows: Sequence[ChainRow]) -> dict[str, Any]:
        """What is needed beside the chains, ``owners`` among it; nothing if no row has negatives."""
        ...


class Contrast(Rows, Protocol):
    """A loss over the negatives of a row."""

    @property
    def reads_states(self) -> bool:
        """Whether it wants the states of the model that has read the chains."""
        ...

    def losses(self, model: Any, outputs: Any, batch: Parts, parts: Parts, step: int) -> torch.Tensor:
        """One loss for each row of the batch, [rows]; 0 for a row without negatives.

        Args:
            model: As the trainer calls it.
            outputs: Of the model that has read the chains of the batch.
            batch: The inputs and ``labels`` of the chains.
            parts: What `collate` made of the same rows.
            step: Optimizer steps so far.
        """
        ...


@dataclass(frozen=True)
class Pairs:
    """The chains with negative answers, at most ``most`` of a row."""

    layout: Layout
    most: int | None = None
    reads_states: bool = False

    def collate(self, rows: Sequence[ChainRow]) -> dict[str, Any]:
        """What `pairs_of` makes of them."""
        return pairs_of(rows, self.layout, self.most)


@dataclass(frozen=True)
class Preference(Pairs):
    """The positive answer is to be likelier than each negative one, more so than at the start."""

    beta: float = 0.1

    def losses(self, model: Any, outputs: Any, batch: Parts, parts: Parts, step: int) -> torch.Tensor:
        """The mean over a row's negatives of the loss of direct preference optimisation."""
        gaps = pair_gaps(self.layout, model, outputs, batch, parts)
        each = preference(gaps, parts["reference"].to(gaps), self.beta)
        return mean_by_owner(each, parts["owners"], len(batch["labels"]))


@dataclass(frozen=True)
class Unlikelihood(Pairs):
    """The tokens of negative answers are to become unlikely."""

    def losses(self, model: Any, outputs: Any, batch: Parts, parts: Parts, step: int) -> torch.Tensor:
        """The mean over a row's negatives of what their tokens cost."""
        nats, counted = self.layout.nats(model(**parts["inputs"]).logits, parts["labels"])
        return mean_by_owner(unlikelihood(nats, counted), parts["owners"], len(batch["labels"]))


def pair_gaps(layout: Layout, model: Any, outputs: Any, batch: Parts, parts: Parts) -> torch.Tensor:
    """By how many nats each row's positive answer is likelier than each of its negatives, [negatives]."""
    labels = torch.where(parts["answers"] == 1, batch["labels"], IGNORED)
    positive = layout.nats(outputs.logits, labels)[0].sum(1)
    negative = layout.nats(model(**parts["inputs"]).logits, parts["labels"])[0].sum(1)
    return negative - positive[parts["owners"]]


def mean_by_owner(values: torch.Tensor, owners: torch.Tensor, rows: int) -> torch.Tensor:
    """The mean of the values of each row, 0 for a row that owns none: [values] to [rows]."""
    sums = values.new_zeros(rows).index_add(0, owners, values)
    counts = values.new_zeros(rows).index_add(0, owners, torch.ones_like(values))
    return sums / counts.clamp(min=1)


@dataclass(frozen=True)
class Collator:
    """Makes a batch of rows: the chains, and under ``contrast`` what a contrast or a measurement needs.

    Args:
        layout: Of the model.
        contrast: What is added to the loss or measured, if anything.
        together: Several processes train: each has to call the model as often as the others do, so a batch
            without negatives stands in with its own answer, which is ``idle`` and counts nothing.
    """

    layout: Layout
    contrast: Rows | None = None
    together: bool = False

    def __call__(self, rows: Sequence[ChainRow]) -> dict[str, Any]:
        """Inputs and ``labels`` [rows, tokens], and ``contrast``."""
        inputs = self.layout.inputs([row.positive.ids for row in rows], [row.source for row in rows])
        parts = self.contrast.collate(rows) if self.contrast else {}
        if self.contrast and not parts and self.together:
            idle = replace(rows[0], negatives=(rows[0].positive,), reference=(0.0,))
            parts = {**self.contrast.collate([idle, *rows[1:]]), "idle": True}
        return {**inputs, "labels": labels_of(rows), **({"contrast": parts} if parts else {})}
