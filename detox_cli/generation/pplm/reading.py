"""A model that reads a token behind keys and values that may be moved, and a probe on what it computes."""

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.activations.collect import trunk_of
from detox_cli.models.activations.pooled import pool
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.hooks import on_block_outputs, stream_of
from detox_cli.models.probes.probe import EMBEDDING, LinearProbe


class Past:
    """Keys and values of tokens, which stay as they are: reading on and moving them make new ones."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    @property
    def tensors(self) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of each layer, ``[rows, heads, length, head size]``."""
        return [(layer.keys, layer.values) for layer in self._cache.layers]

    def opened(self) -> Cache:
        """A cache with the same content, for one reading."""
        found = copy.copy(self._cache)
        found.layers = [copy.copy(layer) for layer in self._cache.layers]
        return found

    def plus(self, added: Sequence[Sequence[Tensor]]) -> Self:
        """The same with something added to keys and values of each layer."""
        cache = self.opened()
        for layer, (keys, values) in zip(cache.layers, added, strict=True):
            layer.keys, layer.values = layer.keys + keys, layer.values + values
        return type(self)(cache)


@dataclass(frozen=True)
class Read:
    """What a model makes of what it was given.

    Attributes:
        logits: After the last position, ``[rows, vocabulary]``.
        states: What the probe reads, at every position that was given, ``[rows, new, d]``, float32.
        past: Keys and values, with those of what was given.
    """

    logits: Tensor
    states: Tensor
    past: Past


class Reader:
    """A causal language model with a probe on it.

    Args:
        model: Loaded, in evaluation mode; its weights get no gradient from here on.
        probe: Reads hidden states of this model.

    Raises:
        BadData: The probe does not fit.
        BadSettings: The family is not known, or it does not remember by keys and values alone.
    """

    def __init__(self, model: Any, probe: LinearProbe) -> None:
        self.model = model.requires_grad_(False)
        self.anatomy = anatomy_of(model)
        self.trunk = trunk_of(model, self.anatomy)
        self.site = probe.site
        check_fits(probe, self.anatomy.width, len(self.anatomy.blocks))
        table = model.get_input_embeddings()
        self.embedding, self.embedding_scale = table.weight, getattr(table, "embed_scale", 1.0)
        self.direction = torch.tensor(probe.direction, dtype=torch.float32, device=model.device)
        self.bias = probe.bias

    def empty(self) -> Past:
        """Nothing read yet.

        Raises:
            BadSettings: The model remembers in another way than by keys and values.
        """
        cache = DynamicCache(config=self.model.config)
        if other := next((one for one in cache.layers if not isinstance(one, DynamicLayer)), None):
            what = f"the model remembers by a {type(other).__name__}, which cannot be steered"
            raise BadSettings(what, where="--method pplm", hint="name a model of attention layers alone")
        return Past(cache)

    def read(self, past: Past, *, tokens: Tensor | None = None, expected: Tensor | None = None) -> Read:
        """Read on behind ``past``: tokens ``[rows, new]``, or one expected token by its distribution.

        Args:
            past: What was read before; it stays as it is.
            tokens: Token ids.
            expected: Probabilities ``[rows, vocabulary]``; what is read is the mean of the embeddings.
        """
        found: dict[str, Tensor] = {}
        cache = past.opened()
        with ExitStack() as stack:
            self._listen(stack, found)
            given = {"input_ids": tokens} if expected is None else {"inputs_embeds": self._embedded(expected)}
            output = self.model(**given, past_key_values=cache, use_cache=True)
        return Read(output.logits[:, -1], found["states"].float(), Past(cache))

    def scores(self, states: Tensor) -> Tensor:
        """The probe's score of texts, ``[rows]``, by their states ``[rows, length, d]``; above 0: it is."""
        everything = torch.ones(states.shape[:2], dtype=torch.bool, device=states.device)
        return torch.matmul(pool(states, everything, self.site.pooling), self.direction) + self.bias

    def _embedded(self, expected: Tensor) -> Tensor:
        mean: Tensor = expected.to(self.embedding.dtype) @ self.embedding
        return (mean * self.embedding_scale)[:, None]

    def _listen(self, stack: ExitStack, found: dict[str, Tensor]) -> None:
        """Keep the stream at the probe's place, and change nothing."""

        if self.site.after_norm:
            hook = self.trunk.register_forward_hook(
                lambda _module, _args, output: found.update(states=stream_of(output[0]))
            )
            stack.callback(hook.remove)
        else:
            wanted = len(self.anatomy.blocks) - 1 if self.site.layer is None else self.site.layer

            def keep(layer: int, stream: Tensor) -> None:
                if layer == wanted:
                    found["states"] = stream

            stack.enter_context(on_block_outputs(self.model, self.anatomy, keep))


def check_fits(probe: LinearProbe, width: int, layers: int) -> None:
    """Raise ``BadData`` unless the probe can read a model of this width with so many blocks."""
    probe.check_fits(width, where="--probe")
    site = probe.site
    if site.layer == EMBEDDING:
        hint = "name a probe of a layer"
        raise BadData("the probe reads embeddings, which no key or value decides", where="--probe", hint=hint)
    last = site.layer is None or site.layer == layers - 1
    if (site.layer is not None and site.layer >= layers) or (site.after_norm and not last):
        hint = "name a probe that was trained on this model: detox probe train"
        raise BadData(
            f"the probe reads {site.place}, the model has {layers} layers", where="--probe", hint=hint
        )
