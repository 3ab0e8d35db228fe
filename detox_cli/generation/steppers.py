"""Prefilled models, ready to be decoded: a decoder-only one and an encoder-decoder.

Prompts are read once each and their keys and values then forked, one copy per sample. Prompts of a batch that
differ in length are read in several passes, so that little is read of their padding, and decoded together.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from detox_cli.generation import kv_cache
from detox_cli.generation.attention import NAME, SharedPrefix
from detox_cli.scoring.batching import FILLED, PROCESSOR_TOKENS, token_batches

Ids = Sequence[int]


class CausalStepper:
    """A decoder-only model that has read a batch of prompts, padded on the left.

    Args:
        model: The model.
        prompts: Token ids of each prompt, without the shared prefix.
        rows: Which prompt each row continues, int64 ``[rows]``.
        room: How many tokens will be added per row.
        prefix: Token ids of the prefix that all prompts share, already read.
        shared: The prefix's keys and values where attention reads them in place, else
        expanded: the same to be copied to each row. Both ``None`` if there is no prefix.
    """

    def __init__(
        self,
        model: Any,
        prompts: Sequence[Ids],
        rows: Tensor,
        room: int,
        prefix: Ids = (),
        shared: SharedPrefix | None = None,
        expanded: SharedPrefix | None = None,
    ) -> None:
        self.model = model
        self.extra: dict[str, Any] = {} if shared is None else {"shared_prefix": shared}
        ids, mask = pad(prompts, left=True, device=model.device)
        first = torch.tensor(list(prefix), dtype=torch.long, device=ids.device).expand(len(prompts), -1)
        self.history = torch.cat([first, ids], 1).index_select(0, rows)
        self.positions = (mask.sum(1, keepdim=True) - 1 + len(prefix)).index_select(0, rows)
        head = 0 if expanded is None else len(prefix)
        self.mask = torch.cat([mask.new_ones(len(prompts), head), mask], 1).index_select(0, rows)
        groups = _passes(prompts, model.device)
        read = [self._read([prompts[i] for i in group], len(prefix), expanded) for group in groups]
        seats, caches = _seats(groups, rows), [cache for _, cache in read]
        self.cache = kv_cache.join(caches, seats, self.mask.shape[1], room, head)
        self.logits = read[0][0].new_empty(len(rows), read[0][0].shape[1])
        for (logits, _), seat in zip(read, seats, strict=True):
            self.logits[seat.rows] = logits[seat.of]

    def advance(self, tokens: Tensor) -> Tensor:
        """Read one token per row and give the logits after it."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(self.mask.shape[0], 1)], 1)
        self.positions = self.positions + 1
        self.history = torch.cat([self.history, tokens[:, None]], 1)
        return self._forward(tokens[:, None], self.mask, self.positions, self.cache)

    def keep(self, rows: Tensor) -> None:
        """Drop every row but ``rows``."""
        kv_cache.keep(self.cache, rows)
        self.mask, self.positions = self.mask[rows], self.positions[rows]
        self.history = self.history[rows]

    def _read(
        self, prompts: Sequence[Ids], before: int, expanded: SharedPrefix | None
    ) -> tuple[Tensor, Cache]:
        """Read prompts in one pass: the logits after each, and the cache, padded on the left."""
        cache = kv_cache.slab_cache()
        ids, mask = pad(prompts, left=True, device=self.model.device)
        positions = (mask.cumsum(1) - 1).clamp(min=0) + before
        if expanded is not None:
            mask = torch.cat([mask.new_ones(len(prompts), before), mask], 1)
            for number, (keys, values) in enumerate(expanded.layers):
                cache.update(_per_row(keys, len(prompts)), _per_row(values, len(prompts)), number)
        return self._forward(ids, mask, positions, cache), cache

    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        where = {"position_ids": positions} if takes(self.model, "position_ids") else {}
        return last_logits(
            self.model,
            input_ids=ids,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
            **where,
            **self.extra,
        )


class EncoderDecoderStepper:
    """An encoder-decoder that has read a batch of sources, padded on the right, and its start token.

    Args:
        model: The model.
        sources: Token ids of each source.
        rows: Which source each row rewrites, int64 ``[rows]``.
        room: How many tokens will be added per row.
        start: The token that the decoder starts from.
    """

    def __init__(self, model: Any, sources: Sequence[Ids], rows: Tensor, room: int, start: int) -> None:
        self.model = model
        ids, self.mask = pad(sources, left=False, device=model.device)
        self.states = model.get_encoder()(input_ids=ids, attention_mask=self.mask).last_hidden_state
        self.cache = EncoderDecoderCache(kv_cache.slab_cache(), kv_cache.slab_cache())
        self.history = torch.full((len(sources), 1), start, dtype=torch.long, device=ids.device)
        logits = self._forward(self.history)
        kv_cache.fork(self.cache, rows, room)
        self.logits = logits.index_select(0, rows)
        self._select(rows)

    def advance(self, tokens: Tensor) -> Tensor:
        """Read one token per row and give the logits after it."""
        self.history = torch.cat([self.history, tokens[:, None]], 1)
        return self._forward(tokens[:, None])

    def keep(self, rows: Tensor) -> None:
        """Drop every row but ``rows``."""
        kv_cache.keep(self.cache, rows)
        self._select(rows)

    def _select(self, rows: Tensor) -> None:
        self.mask, self.states = self.mask[rows], self.states[rows]
        self.history = self.history[rows]

    def _forward(self, ids: Tensor) -> Tensor:
        return last_logits(
            self.model,
            encoder_outputs=BaseModelOutput(last_hidden_state=self.states),
            attention_mask=self.mask,
            decoder_input_ids=ids,
            past_key_values=self.cache,
            use_cache=True,
        )


def _passes(prompts: Sequence[Ids], device: torch.device) -> list[list[int]]:
    """Which prompts to read together: on a processor those of similar length, elsewhere all."""
    if device.type != "cpu":
        return [list(range(len(prompts)))]
    return token_batches([len(prompt) for prompt in prompts], PROCESSOR_TOKENS, FILLED)


def _seats(groups: Sequence[Sequence[int]], rows: Tensor) -> list[kv_cache.Seat]:
    """For each group of prompts the rows that continue them, and which of the group each continues."""
    wanted, found = rows.tolist(), []
    for group in groups:
        places = {prompt: place for place, prompt in enumerate(group)}
        mine = [row for row, prompt in enumerate(wanted) if prompt in places]
        pair = (mine, [places[wanted[row]] for row in mine])
        found.append(kv_cache.Seat(*(torch.tensor(one, device=rows.device) for one in pair)))
    return found


def last_logits(model: Any, **inputs: Any) -> Tensor:
    """Logits after the last position, ``[rows, vocabulary]``; only those are computed where possible."""
    if takes(model, "logits_to_keep"):
        inputs["logits_to_keep"] = 1
    logits: Tensor = model(**inputs).logits
    return logits[:, -1]


def takes(model: Any, argument: str) -> bool:
    """Whether a model's ``forward`` names an argument."""
    return argument in _arguments(type(model).forward)


@lru_cache
def _arguments(forward: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)


def read_prefix(model: Any, prefix: Ids) -> SharedPrefix:
    """Run the model over a prefix once and take its keys and values."""
    cache = kv_cache.slab_cache()
    ids = torch.tensor([list(prefix)], device=model.device)
    last_logits(model, input_ids=ids, past_key_values=cache, use_cache=True)
    return SharedPrefix(tuple((layer.keys[0], layer.values[0]) for layer in cache.layers))


@contextmanager
def shared_attention(model: Any) -> Iterator[None]:
    """While open, the model's attention is the one that knows shared prefixes."""
    usual = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)


def pad(prompts: Sequence[Ids], *, left: bool, device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids and mask, both int64 ``[prompts, longest]``; padding is token 0 and masked out."""
    longest = max(map(len, prompts))
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        place = slice(longest - len(prompt), longest) if left else slice(0, len(prompt))
        ids[row, place] = torch.tensor(prompt)
        mask[row, place] = 1
    return ids.to(device), mask.to(device)


def _per_row(states: Tensor, rows: int) -> Tensor:
    """``[heads, length, size]`` as ``[rows, heads, length, size]`` without a copy."""
    return states.expand(rows, -1, -1, -1)
