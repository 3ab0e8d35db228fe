"""The value vectors of a loaded model, whatever form its weights are held in."""

from collections.abc import Iterator
from typing import Any

import torch
from accelerate.utils import align_module_device
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from detox_cli.models.neurons.parts import Neurons, Part

WIDE = (torch.float32, torch.bfloat16, torch.float16)
UNITS = 1 << 10


class ValueVectors:
    """Rows of down-projections: what each neuron adds to the residual stream, times its coefficient.

    Value vector j of a layer is row j of its down-projection (Geva et al., EMNLP 2021; Lee et al., ICML 2024,
    arXiv 2401.01967, section 2). Where a norm lies between the MLP and the stream (Gemma 2 and 3, OLMo 2),
    what arrives is ``g * v`` over a length that depends on the token: with ``folded`` rows are multiplied by
    the gain g. What a token's later norm does, above all the final one, is the same for every vector and so
    belongs to the direction that they are compared with; see `final_norm.in_stream`.

    Args:
        model: Loaded; a model of peft, or with quantised or offloaded weights, gives what it computes with.
        neurons: Its neurons.
    """

    def __init__(self, model: Any, neurons: Neurons) -> None:
        self.model, self.neurons = plain(model), neurons

    @torch.no_grad()
    def rows(self, part: Part, folded: bool = False) -> Tensor:
        """The value vectors of a part, ``[size, d]``, float32, on the device of the weights."""
        writer = part.matrix.values
        module = self.model.get_submodule(part.path)
        with align_module_device(innermost(module)):
            weight = effective_weight(module, part.leaf, part.expert)
        found: Tensor = weight.movedim(writer.axis, -1).float()
        if folded:
            for gain in writer.gains:
                found = found * self._gain(gain.name, gain.offset).to(found.device)
        return found

    def bias(self, part: Part) -> Tensor | None:
        """What the part adds whatever its coefficients, ``[d]``; times its weight for an expert."""
        module = innermost(self.model.get_submodule(part.path))
        name = f"{part.leaf}_bias" if part.expert is not None else "bias"
        with align_module_device(module):
            found = getattr(module, name, None)
            if not isinstance(found, Tensor):
                return None
            own = found if part.expert is None else found[part.expert]
            return own.detach().float().clone()

    def __iter__(self) -> Iterator[tuple[Part, Tensor]]:
        """Every part with its vectors, one at a time, gains of norms after the MLP folded in."""
        for part in self.neurons.parts:
            yield part, self.rows(part, folded=True)

    def _gain(self, name: str, offset: float) -> Tensor:
        path, _, leaf = name.rpartition(".")
        module = self.model.get_submodule(path)
        with align_module_device(module):
            gain: Tensor = getattr(module, leaf).detach().float()
            return offset + gain


def plain(model: Any) -> Any:
    """The model itself, out of what peft wraps around it; its layers stay wrapped."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def innermost(module: Any) -> Any:
    """A layer out of the wrappers that peft put around it."""
    while hasattr(module, "base_layer"):
        module = module.base_layer
    return module


def effective_weight(module: Any, leaf: str, expert: int | None = None) -> Tensor:
    """What a layer multiplies with, adapters that are switched on included, in the layout of its weight.

    Args:
        module: A linear layer, or one that holds experts.
        leaf: The name of its weight.
        expert: Which expert; ``None`` for the whole tensor.
    """
    inner = innermost(module)
    stored: Tensor = getattr(inner, leaf)
    weight = (_as_applied(inner) if _is_packed(inner, leaf) else stored).detach()
    weight = weight if expert is None else weight[expert]
    while hasattr(module, "base_layer"):
        if getattr(module, "parameter_name", None) in (leaf, None) and not _idle(module):
            for adapter in module.active_adapters:
                if adapter in module.lora_A:
                    delta: Tensor = module.get_delta_weight(adapter).to(weight)
                    weight = weight + (delta if expert is None else delta[expert])
        module = module.base_layer
    return weight


def _is_packed(inner: Any, leaf: str) -> bool:
    """Whether the tensor is not what the layer multiplies with, but stands for it in fewer bits."""
    return leaf == "weight" and not (isinstance(inner, Conv1D) or type(inner) is nn.Linear)


@torch.no_grad()
def _as_applied(inner: Any) -> Tensor:
    """The weight ``[out, in]`` of a linear layer in whatever form, by what it makes of unit vectors.

    Forms of few bits are laid out as their kernels like it, and some are laid out anew when first used.
    """
    numbers = next((p.dtype for p in inner.parameters() if p.dtype in WIDE), torch.float32)
    device = next(inner.parameters()).device
    bias = getattr(inner, "bias", None)
    columns = []
    for first in range(0, inner.in_features, UNITS):
        rows = torch.arange(first, min(first + UNITS, inner.in_features), device=device)
        units = nn.functional.one_hot(rows, inner.in_features).to(numbers)
        found = inner(units).float()
        columns.append(found if bias is None else found - bias.float())
    return torch.cat(columns).T


def _idle(wrapper: Any) -> bool:
    return bool(wrapper.disable_adapters or wrapper.merged)
