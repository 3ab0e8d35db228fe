"""Keys and values in memory that is allocated once: written in place, forked and thinned by rows."""

from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer, EncoderDecoderCache


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


def keep(cache: Cache | EncoderDecoderCache, rows: Tensor) -> None:
    """`SlabLayer.keep` on every layer."""
    for layer, _ in slab_layers(cache):
        layer.keep(rows)


def _copy_rows(states: Tensor, rows: Tensor, room: int) -> Tensor:
    _, heads, length, size = states.shape
    buffer = states.new_empty(len(rows), heads, length + room, size)
    buffer[:, :, :length] = states.index_select(0, rows)
    return buffer
