"""Keys and values in memory that is allocated once: written in place, forked and thinned by rows."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer, EncoderDecoderCache


class Seat(NamedTuple):
    """Which rows of a whole are copies of which rows of a part, int64 ``[n]`` both."""

    rows: Tensor
    of: Tensor


class SlabLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values, ``[rows, heads, length, head size]``, as views into larger buffers.

    A prompt is written as it comes. `fork` then copies its rows into buffers with room for every token to
    come, so that a decoding step writes one column instead of copying the whole cache.
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: Tensor
        self.values: Tensor
        self.length = 0
        self._buffers: tuple[Tensor, Tensor] | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Append ``[rows, heads, new, head size]`` and return everything there is."""
        if self._buffers is None:
            super().update(key_states, value_states)
            return self.keys, self.values
        end = self.length + key_states.shape[-2]
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, self.length : end] = states
        self._show(end)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens in the cache, padding included."""
        return self.length if self._buffers is not None else int(super().get_seq_length())

    def fork(self, rows: Tensor, room: int) -> None:
        """Make row ``i`` a copy of the present row ``rows[i]``, with room for ``room`` more tokens."""
        length = self.keys.shape[-2]
        self._buffers = (_copy_rows(self.keys, rows, room), _copy_rows(self.values, rows, room))
        self._show(length)

    def take(
        self, parts: Sequence["SlabLayer"], seats: Sequence[Seat], length: int, room: int, head: int
    ) -> None:
        """Hold rows of several layers side by side; see `join`."""
        self._buffers = (
            _side_by_side([part.keys for part in parts], seats, length, room, head),
            _side_by_side([part.values for part in parts], seats, length, room, head),
        )
        self.is_initialized = True
        self._show(length)

    def keep(self, rows: Tensor) -> None:
        """Drop every row but ``rows``."""
        if self._buffers is None:
            raise RuntimeError("keep() before fork()")
        keys, values = self._buffers
        self._buffers = (keys.index_select(0, rows), values.index_select(0, rows))
        self._show(self.length)

    def _show(self, length: int) -> None:
        keys, values = self._buffers or (self.keys, self.values)
        self.length = length
        self.keys, self.values = keys[:, :, :length], values[:, :, :length]


def slab_cache() -> Cache:
    """An empty cache for a decoder; its layers appear as the model writes to them."""
    return Cache(layer_class_to_replicate=SlabLayer)


def slab_layers(cache: Cache | EncoderDecoderCache) -> list[tuple[SlabLayer, bool]]:
    """Every layer of a cache, and whether it grows (the keys of an encoder's output do not)."""
    if isinstance(cache, EncoderDecoderCache):
        own, cross = cache.self_attention_cache.layers, cache.cross_attention_cache.layers
        return [(layer, True) for layer in own] + [(layer, False) for layer in cross]
    return [(layer, True) for layer in cache.layers]


def fork(cache: Cache | EncoderDecoderCache, rows: Tensor, room: int) -> None:
    """`SlabLayer.fork` on every layer."""
    for layer, grows in slab_layers(cache):
        layer.fork(rows, room if grows else 0)


def join(parts: Sequence[Cache], seats: Sequence[Seat], length: int, room: int, head: int = 0) -> Cache:
    """One cache for prompts that were read in several passes, with room for ``room`` more tokens a row.

    Args:
        parts: A cache for each pass, padded on the left behind the first ``head`` tokens.
        seats: For each of them its rows in the whole.
        length: Tokens of the longest, ``head`` included; shorter ones get zeros between it and their own.
        room: For tokens to come.
        head: Tokens that all rows start with.
    """
    whole = slab_cache()
    for layers in zip(*(part.layers for part in parts), strict=True):
        whole.layers.append(SlabLayer())
        whole.layers[-1].take(layers, seats, length, room, head)
    return whole


def keep(cache: Cache | EncoderDecoderCache, rows: Tensor) -> None:
    """`SlabLayer.keep` on every layer."""
    for layer, _ in slab_layers(cache):
        layer.keep(rows)


def _copy_rows(states: Tensor, rows: Tensor, room: int) -> Tensor:
    _, heads, length, size = states.shape
    buffer = states.new_empty(len(rows), heads, length + room, size)
    buffer[:, :, :length] = states.index_select(0, rows)
    return buffer


def _side_by_side(
    parts: Sequence[Tensor], seats: Sequence[Seat], length: int, room: int, head: int
) -> Tensor:
    _, heads, _, size = parts[0].shape
    count = sum(len(seat.rows) for seat in seats)
    buffer = parts[0].new_zeros(count, heads, length + room, size)  # not empty: 0 x NaN would be seen
    for states, seat in zip(parts, seats, strict=True):
        own = states.shape[2] - head
        mine = states.index_select(0, seat.of)
        buffer[seat.rows, :, :head] = mine[:, :, :head]
        buffer[seat.rows, :, length - own : length] = mine[:, :, head:]
    return buffer
