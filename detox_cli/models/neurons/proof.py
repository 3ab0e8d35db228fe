"""Are these the neurons of a model? Coefficients times value vectors have to be what its MLPs give out."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from detox_cli.errors import BadData
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.hooks import stream_of
from detox_cli.models.neurons.hooks import Seen, on_coefficients
from detox_cli.models.neurons.parts import Neurons, Part, neurons_of
from detox_cli.models.neurons.values import ValueVectors, innermost, plain

LIMITS = {torch.float32: 1e-4, torch.float64: 1e-4}
COARSE_LIMIT = 0.1
"""For short numbers; LLM.int8() rounds what it multiplies, too."""
TEXTS, TOKENS = 2, 6


def load_neurons(model: Any, seed: int = 0) -> ValueVectors:
    """The neurons and value vectors of a loaded model, tried on random tokens before anyone relies on them.

    For every layer ``x @ V + b`` has to be what its down-projection, or its experts, give out, up to
    rounding; and changed coefficients have to change the logits.

    Args:
        model: A causal language model, in evaluation mode; also of peft, quantised, or on several devices.
        seed: Of the tokens.

    Raises:
        BadData: The family is unknown, it has no MLPs of a known form, or the test fails, and where.
    """
    inner = plain(model)
    vectors = ValueVectors(inner, neurons_of(anatomy_of(inner)))
    gaps = reproduced(inner, vectors, seed)
    limit = LIMITS.get(inner.get_input_embeddings().weight.dtype, COARSE_LIMIT)
    if _quantised(inner):
        limit = COARSE_LIMIT
    for path, gap in gaps.items():
        if not gap <= limit:
            raise BadData(
                f"its coefficients times its value vectors are not what it gives out, by {gap:.2g} of it",
                where=path,
                hint="merge the adapter first, or name another model",
            )
    return vectors


@torch.no_grad()
def reproduced(model: Any, vectors: ValueVectors, seed: int = 0) -> dict[str, float]:
    """By module, how far ``x @ V + b`` is from what the module gives out, as a share of its length.

    Raises:
        BadData: A module never ran, or changed coefficients change nothing.
    """
    generator = torch.Generator().manual_seed(seed)
    table = model.get_input_embeddings().weight
    words = model.config.get_text_config().vocab_size
    ids = torch.randint(words, (TEXTS, TOKENS), generator=generator).to(table.device)
    heard = _Heard()
    with ExitStack() as stack:
        for path, parts in _by_path(vectors.neurons).items():
            module = model.get_submodule(path)
            if parts[0].expert is None:
                stack.callback(module.register_forward_hook(heard.hook(path)).remove)
            else:  # its own forward, for the outputs to compare with
                stack.callback(innermost(module).register_forward_hook(heard.hook(path)).remove)
        plainly = model(input_ids=ids, use_cache=False).logits
    with on_coefficients(model, vectors.neurons, heard.see):
        model(input_ids=ids, use_cache=False)
    gaps = {path: _gap(heard, vectors, path, parts) for path, parts in _by_path(vectors.neurons).items()}
    with on_coefficients(model, vectors.neurons, lambda seen: torch.zeros_like(seen.values)):
        changed = model(input_ids=ids, use_cache=False).logits
    if torch.equal(plainly, changed):
        raise BadData("changed coefficients do not change what the model predicts", hint="name another model")
    return gaps


@dataclass
class _Heard:
    """Outputs of modules, and the coefficients that should make them."""

    outputs: dict[str, Tensor] = field(default_factory=dict)
    seen: dict[Part, Seen] = field(default_factory=dict)

    def hook(self, path: str) -> Any:
        def take(_module: Any, _args: Any, output: Any) -> None:
            self.outputs[path] = stream_of(output).detach().clone()  # Falcon adds to it in place

        return take

    def see(self, seen: Seen) -> None:
        self.seen[seen.part] = seen


def _by_path(neurons: Neurons) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    for part in neurons.parts:
        found.setdefault(part.path, []).append(part)
    return found


def _gap(heard: _Heard, vectors: ValueVectors, path: str, parts: list[Part]) -> float:
    if path not in heard.outputs or not any(part in heard.seen for part in parts):
        raise BadData(
            "never ran as a module, so its coefficients cannot be seen",
            where=path,
            hint="name a model of another family",
        )
    output = heard.outputs[path].float()
    output = output.reshape(-1, TEXTS * TOKENS, output.shape[-1]).sum(0)  # of copies, where experts have them
    total = torch.zeros_like(output)
    for part in parts:
        if seen := heard.seen.get(part):
            given = seen.values.float() @ vectors.rows(part).to(output.device)
            bias = vectors.bias(part)
            if bias is not None:
                given = given + bias.to(given) * (1.0 if seen.weights is None else seen.weights.float())
            total[slice(None) if seen.tokens is None else seen.tokens] += given
    return float((output - total).norm() / output.norm())


def _quantised(model: Any) -> bool:
    return getattr(model.config, "quantization_config", None) is not None
