"""Coefficients of value vectors, seen and changed while a model reads, in a context that leaves no trace."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from detox_cli.models.hooks import on_block_inputs
from detox_cli.models.neurons.experts import Routed, run_experts
from detox_cli.models.neurons.parts import Neurons, Part
from detox_cli.models.neurons.values import innermost, plain


@dataclass(frozen=True)
class Seen:
    """Coefficients of one part of a layer, in one pass over a batch.

    Attributes:
        part: Whose they are.
        values: One row per token that reaches the part, ``[m, size]``; the layer adds ``values @ V``.
        tokens: Which tokens these are, int64 ``[m]``, counted through the batch (row x length + position);
            ``None`` for all of them, in order. An expert's coefficients at other tokens are 0.
        shape: Rows and length of what the model reads in this pass; with a cache, only what is new.
        gate: Before its activation, ``[m, size]``, where it was asked for and the part has one.
        up: The linear key, ``[m, size]``, likewise.
        weights: An expert's weight at every token, ``[m, 1]``, which its coefficients hold already.
    """

    part: Part
    values: Tensor
    tokens: Tensor | None
    shape: tuple[int, int]
    gate: Tensor | None = None
    up: Tensor | None = None
    weights: Tensor | None = None

    def positions(self) -> Tensor:
        """Row and position of every token that reaches the part, int64 ``[m, 2]``."""
        tokens = self.tokens
        if tokens is None:
            tokens = torch.arange(self.shape[0] * self.shape[1], device=self.values.device)
        return torch.stack([tokens // self.shape[1], tokens % self.shape[1]], 1)


See = Callable[[Seen], Tensor | None]
"""Gets coefficients; a tensor ``[m, size]`` that it returns takes their place."""


@contextmanager
def on_coefficients(
    model: Any, neurons: Neurons, see: See, parts: frozenset[Part] | None = None, gates: bool = False
) -> Iterator[None]:
    """Call ``see`` with the coefficients of every value vector, in every pass while the context lasts.

    What enters a down-projection are the coefficients of its rows, for plain MLPs (the activations) and for
    gated ones (activation of the gate times linear key) alike. Experts in one tensor have no such module, so
    their forward is done by `run_experts` meanwhile. All hooks are gone afterwards, errors included.

    Args:
        model: Loaded; peft, quantised weights and several devices are all right.
        neurons: Its neurons.
        see: What happens with them; values that it returns are used in place of those that it was shown.
        parts: Which parts to show; all if not given.
        gates: Show gate and linear key of gated MLPs too.
    """
    inner, pass_ = plain(model), _Pass(see, parts)
    with ExitStack() as stack:
        stack.enter_context(on_block_inputs(inner, neurons.anatomy, pass_.enters))
        for path, listed in _modules(neurons, parts).items():
            module = inner.get_submodule(path)
            if listed[0].expert is not None:
                stack.enter_context(
                    _experts_shown(innermost(module), {p.expert: p for p in listed}, pass_, gates)
                )
                continue
            keys = _key_hooks(stack, inner, listed[0]) if gates and listed[0].gated else {}
            hook = _down_hook(listed[0], pass_, keys)
            stack.callback(module.register_forward_pre_hook(hook).remove)
        yield


class _Pass:
    """What hooks share: who is to be told, and the shape of what is read."""

    def __init__(self, see: See, parts: frozenset[Part] | None) -> None:
        self.see, self.parts = see, parts
        self.shape = (0, 0)

    def enters(self, _index: int, stream: Tensor) -> None:
        self.shape = (stream.shape[0], stream.shape[1])

    def routed(self, part: Part, one: Routed, gates: bool) -> Tensor | None:
        if self.parts is not None and part not in self.parts:
            return None
        gate, up = (one.gate, one.up if one.gate is not None else None) if gates else (None, None)
        return self.see(Seen(part, one.coefficients, one.tokens, self.shape, gate, up, one.weights))


def _modules(neurons: Neurons, wanted: frozenset[Part] | None) -> dict[str, list[Part]]:
    """All parts of every module that has one which is wanted."""
    found: dict[str, list[Part]] = {}
    for part in neurons.parts:
        found.setdefault(part.path, []).append(part)
    return {p: listed for p, listed in found.items() if wanted is None or not wanted.isdisjoint(listed)}


def _down_hook(part: Part, pass_: _Pass, keys: dict[str, Tensor]) -> Any:
    def hook(_module: Any, args: tuple[Any, ...]) -> Any:
        values: Tensor = args[0]
        gate, up = (keys.pop(name, None) for name in ("gate", "up"))
        flat = values.reshape(-1, values.shape[-1])
        new = pass_.see(Seen(part, flat, None, pass_.shape, _flat(gate), _flat(up)))
        return None if new is None else (new.to(values.dtype).reshape(values.shape), *args[1:])

    return hook


def _key_hooks(stack: ExitStack, model: Any, part: Part) -> dict[str, Tensor]:
    """Where gate and linear key are put as they are computed."""
    kept: dict[str, Tensor] = {}
    gate, up = str(part.matrix.gate), part.matrix.up

    def both(_module: Any, _args: Any, output: Tensor) -> None:
        kept["gate"], kept["up"] = output.chunk(2, dim=-1)

    def one(name: str) -> Any:
        return lambda _module, _args, output: kept.__setitem__(name, output)

    hooks = {gate: both} if gate == up else {gate: one("gate"), up: one("up")}
    for name, hook in hooks.items():
        module = model.get_submodule(name.rpartition(".")[0])
        stack.callback(module.register_forward_hook(hook).remove)
    return kept


def _flat(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.reshape(-1, tensor.shape[-1])


@contextmanager
def _experts_shown(module: Any, parts: dict[int | None, Part], pass_: _Pass, gates: bool) -> Iterator[None]:
    """Let `run_experts` do the work of a module; its own forward comes back afterwards."""
    name = "_old_forward" if hasattr(module, "_hf_hook") else "forward"
    own = module.__dict__.get(name)

    def forward(*args: Any, **kwargs: Any) -> Tensor:
        inputs = (*args, *kwargs.values())
        return run_experts(module, inputs, lambda one: pass_.routed(parts[one.expert], one, gates))

    setattr(module, name, forward)
    try:
        yield
    finally:
        if own is None:
            delattr(module, name)
        else:
            setattr(module, name, own)
