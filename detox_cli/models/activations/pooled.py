"""One vector for a text at every place of a model: its hidden states, pooled over its own tokens."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from detox_cli.errors import BadData, BadSettings, DetoxError
from detox_cli.models.activations.collect import is_lack_of_memory, not_finite, trunk_of
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.hooks import on_block_inputs, on_block_outputs, stream_of
from detox_cli.models.probes.probe import EMBEDDING, Pooling
from detox_cli.scoring.batching import PROCESSOR_TOKENS, token_batches

Floats32 = NDArray[np.float32]
Rows = Sequence[Sequence[int]]
ALL = "all"


@dataclass(frozen=True)
class Place:
    """Where hidden states are read: the residual stream after a block, or what the final norm makes of it.

    Attributes:
        layer: From 0; ``EMBEDDING`` is before the first block.
        after_norm: Whether the final norm is applied, after the last block.
    """

    layer: int
    after_norm: bool = False

    @property
    def name(self) -> str:
        """As users write it: ``embedding``, ``0``, ``1``, …, ``final``."""
        return "final" if self.after_norm else "embedding" if self.layer == EMBEDDING else str(self.layer)


def places_of(layers: int) -> list[Place]:
    """Every place of a model: the embedding, each block, and the last one after the final norm."""
    return [*(Place(layer) for layer in range(EMBEDDING, layers)), Place(layers - 1, after_norm=True)]


def places_named(names: Sequence[str], layers: int) -> list[Place]:
    """The places that these words name, in the order of the model; ``all`` is all of them.

    Raises:
        BadSettings: There is no such place in a model of ``layers`` blocks.
    """
    known = {place.name: place for place in places_of(layers)}
    if list(names) == [ALL]:
        return list(known.values())
    if wrong := [name for name in names if name not in known]:
        hint = f"write {ALL}, embedding, final, or numbers from 0 to {layers - 1}"
        raise BadSettings(f"the model has no place {wrong[0]!r}", where="--layers", hint=hint)
    return [place for name, place in known.items() if name in names]


def text_batches(rows: Rows, batch_tokens: int, device: torch.device) -> list[list[int]]:
    """Which texts are read together: those of similar length, as many as fit the budget."""
    budget = min(batch_tokens, PROCESSOR_TOKENS) if device.type == "cpu" else batch_tokens
    return token_batches([len(ids) for ids in rows], budget)


@torch.no_grad()
def pooled_states(
    model: Any,
    anatomy: Anatomy,
    rows: Rows,
    batches: Sequence[Sequence[int]],
    places: Sequence[Place],
    pooling: Pooling,
    where: Callable[[int], str] = str,
) -> Iterator[Floats32]:
    """Read texts in batches, and give the pooled states of each batch, ``[places, texts, d]``.

    Padding stands at the end, where a causal model cannot see it, and is left out of the pooling. The head is
    not computed, and no states are kept but those of the batch. A batch that does not fit into memory is read
    in halves.

    Args:
        model: A loaded causal language model, in evaluation mode.
        anatomy: Its anatomy.
        rows: Token ids of every text.
        batches: Places in ``rows``, for each batch.
        places: Where to read.
        pooling: How the states of a text's tokens become one: their mean, the last, or the largest of each
            dimension.
        where: Names a text in messages, by its place in ``rows``.

    Raises:
        BadData: A text has no tokens, or its states are not finite.
        DetoxError: One text alone does not fit into memory.
    """
    reader = _Reader(model, anatomy, list(places), pooling)
    for batch in batches:
        if empty := [text for text in batch if not rows[text]]:
            raise BadData("has no tokens", where=where(empty[0]), hint="leave it out")
        found = reader.halved([rows[text] for text in batch], where(batch[0]))
        if not np.isfinite(found).all():
            place, text = np.argwhere(~np.isfinite(found).all(-1))[0]
            raise not_finite(places[place].layer, where(batch[text]))
        yield found


class _Reader:
    """A model with what is to be read in it."""

    def __init__(self, model: Any, anatomy: Anatomy, places: list[Place], pooling: Pooling) -> None:
        self.model, self.anatomy, self.places, self.pooling = model, anatomy, places, pooling
        self.trunk = trunk_of(model, anatomy)
        self.device: torch.device = model.get_input_embeddings().weight.device

    def halved(self, rows: Rows, where: str) -> Floats32:
        """The states of a batch, in parts if it does not fit into memory."""
        try:
            return self._read(rows)
        except RuntimeError as error:
            if not is_lack_of_memory(error):
                raise
            if len(rows) == 1:
                what = f"a text of {len(rows[0])} tokens does not fit into memory"
                raise DetoxError(what, where=where, hint="cut texts with --max-tokens") from error
        middle = len(rows) // 2
        return np.concatenate([self.halved(rows[:middle], where), self.halved(rows[middle:], where)], axis=1)

    def _read(self, rows: Rows) -> Floats32:
        lengths = torch.tensor([len(ids) for ids in rows], device=self.device)
        longest = int(lengths.max())
        padded = [[*ids, *[ids[0]] * (longest - len(ids))] for ids in rows]
        present = torch.arange(longest, device=self.device) < lengths[:, None]
        found: dict[str, torch.Tensor] = {}
        wanted = {place.name for place in self.places}

        def keep(name: str, stream: torch.Tensor) -> None:
            if name in wanted:
                found[name] = pool(stream, present, self.pooling)

        with ExitStack() as stack:
            stack.enter_context(on_block_outputs(self.model, self.anatomy, lambda i, x: keep(str(i), x)))
            stack.enter_context(
                on_block_inputs(
                    self.model, self.anatomy, lambda i, x: keep("embedding", x) if i == 0 else None
                )
            )
            ids = torch.tensor(padded, device=self.device)
            output = self.trunk(input_ids=ids, use_cache=False)
        keep("final", stream_of(output[0]))
        return torch.stack([found[place.name] for place in self.places]).cpu().numpy()


def pool(stream: torch.Tensor, present: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """One vector for each row, float32 ``[rows, d]``.

    Args:
        stream: ``[rows, length, d]``.
        present: Which tokens count, ``[rows, length]``; from the first on, without gaps.
        pooling: How.
    """
    numbers, mask = stream.float(), present[..., None].to(stream.device)
    if pooling == "last":
        last = present.sum(-1).to(stream.device) - 1
        return numbers[torch.arange(len(numbers), device=stream.device), last]
    if pooling == "max":
        return numbers.masked_fill(~mask, -torch.inf).amax(1)
    return numbers.masked_fill(~mask, 0).sum(1) / mask.sum(1)
