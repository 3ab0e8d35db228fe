"""Losses on continuations of shared prompts: every prompt is read once, whatever is said after it."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from detox_cli.errors import DetoxError
from detox_cli.generation import kv_cache
from detox_cli.generation.batching import rows_that_fit
from detox_cli.generation.steppers import pad, takes
from detox_cli.models.loading import Loaded
from detox_cli.scoring.batching import token_batches
from detox_cli.scoring.losses import Done, Ids, Loss, checked, say_nothing, token_nats, tokens_at_once

Group = tuple[int, ...]


@torch.inference_mode()
def forked_losses(
    loaded: Loaded,
    prompts: Sequence[Ids],
    continuations: Sequence[Sequence[Ids]],
    batch_tokens: int,
    done: Done = say_nothing,
) -> list[list[Loss]]:
    """The loss on every continuation given its prompt; keys and values of a prompt are computed once.

    For models whose cache holds keys and values and nothing else (``generation.proof.prove``).

    Args:
        loaded: A decoder-only model.
        prompts: Token ids of each prompt, at least one token each.
        continuations: For each prompt the token ids of its continuations, at least one token each.
        batch_tokens: Tokens in one batch: rows times prompt and continuation.
        done: Told how many more continuations are done.

    Raises:
        DetoxError: One continuation does not fit into memory, or the model gives what is no number.
    """
    found = [[Loss()] * len(some) for some in continuations]
    order = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i]), i))
    for group in _groups(order, prompts, batch_tokens):
        for (prompt, place), nats in _group_losses(loaded, prompts, continuations, group, batch_tokens):
            found[prompt][place] = Loss(checked(nats, loaded), len(continuations[prompt][place]))
            done(1)
    return found


def _groups(order: Sequence[int], prompts: Sequence[Ids], batch_tokens: int) -> Iterator[Group]:
    """Prompts of similar length, as many as fit; longest first."""
    start = 0
    while start < len(order):
        count = rows_that_fit(len(prompts[order[start]]), batch_tokens, len(order))
        yield tuple(order[start : start + count])
        start += count


def _group_losses(
    loaded: Loaded,
    prompts: Sequence[Ids],
    continuations: Sequence[Sequence[Ids]],
    group: Group,
    batch_tokens: int,
) -> Iterator[tuple[tuple[int, int], float]]:
    """Every continuation of a group of prompts; what does not fit into memory is read in halves."""
    try:
        read = _Prompts(loaded.model, [prompts[i] for i in group])
        yield from _continued(read, continuations, group, batch_tokens)
        return
    except torch.OutOfMemoryError as error:
        if len(group) == 1 and batch_tokens <= len(prompts[group[0]]):
            raise DetoxError("one continuation does not fit into memory", hint="use --device cpu") from error
    torch.cuda.empty_cache()
    half = max(1, len(group) // 2)
    for part in filter(None, (group[:half], group[half:])):
        yield from _group_losses(loaded, prompts, continuations, part, batch_tokens // 2)


def _continued(
    read: "_Prompts", continuations: Sequence[Sequence[Ids]], group: Group, batch_tokens: int
) -> Iterator[tuple[tuple[int, int], float]]:
    places = [(row, place) for row, prompt in enumerate(group) for place in range(len(continuations[prompt]))]
    said = [continuations[group[row]][place] for row, place in places]
    budget = tokens_at_once(read.model, batch_tokens)
    for batch in token_batches([len(ids) + read.length for ids in said], budget):
        rows = [places[i][0] for i in batch]
        sums = read.losses(rows, [said[i] for i in batch])
        yield from (((group[places[i][0]], places[i][1]), nats) for i, nats in zip(batch, sums, strict=True))


class _Prompts:
    """Prompts that a model has read, padded on the left: their keys, values and last logits."""

    def __init__(self, model: Any, prompts: Sequence[Ids]) -> None:
        self.model = model
        ids, self.mask = pad(prompts, left=True, device=model.device)
        self.length = ids.shape[1]
        cache = kv_cache.slab_cache()
        positions = (self.mask.cumsum(1) - 1).clamp(min=0)
        self.last = self._logits(ids, self.mask, positions, cache, keep=1)[:, -1]
        self.layers = [(layer.keys, layer.values) for layer in cache.layers]

    def losses(self, rows: Sequence[int], said: Sequence[Ids]) -> list[float]:
        """The summed -ln p of each continuation of the prompt in its row."""
        index = torch.tensor(rows, device=self.mask.device)
        ids, mask = pad(said, left=False, device=self.mask.device)
        nats = token_nats(self.last.index_select(0, index), ids[:, 0])[:, None]
        if ids.shape[1] > 1:
            logits = self._after(index, ids[:, :-1], mask[:, :-1])
            nats = torch.cat([nats, token_nats(logits, ids[:, 1:])], 1)
        return [float(row[: len(tokens)].sum()) for row, tokens in zip(nats.cpu(), said, strict=True)]

    def _after(self, index: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        cache = kv_cache.slab_cache()
        for number, (keys, values) in enumerate(self.layers):
            cache.update(keys.index_select(0, index), values.index_select(0, index), number)
        before = self.mask.index_select(0, index)
        whole = torch.cat([before, mask], 1)
        positions = (whole.cumsum(1) - 1).clamp(min=0)[:, before.shape[1] :]
        return self._logits(ids, whole, positions, cache)

    def _logits(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any, keep: int = 0) -> Tensor:
        extra: dict[str, Any] = {"position_ids": positions} if takes(self.model, "position_ids") else {}
        if keep and takes(self.model, "logits_to_keep"):
            extra["logits_to_keep"] = keep
        logits: Tensor = self.model(
            input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **extra
        ).logits
        return logits
