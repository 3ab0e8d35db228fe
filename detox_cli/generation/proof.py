"""Whether the fast decoding loop is right for a model: tried on the model itself, not looked up by name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from detox_cli.generation.decoding import Stepper
from detox_cli.generation.steppers import (
    CausalStepper,
    EncoderDecoderStepper,
    read_prefix,
    shared_attention,
)

Loop = Literal["shared", "expanded", "plain", "generate"]
SHARING: tuple[Loop, ...] = ("shared", "expanded", "plain")
PREFIX_LENGTH, SHORT, LONG, STEPS = 6, 3, 7, 2
TOLERANCE = {torch.float32: 0.01, torch.float64: 0.01}
HALF_PRECISION_TOLERANCE = 0.3


@torch.inference_mode()
def prove(model: Any) -> Loop:
    """The fastest loop whose logits equal those of the model without a cache, without padding, alone.

    Two random prompts of different length are read together behind a common prefix, forked, continued and
    thinned out. ``shared`` keeps the prefix once; ``expanded`` copies it per row; ``plain`` can share
    nothing (encoder-decoders read their whole source); ``generate`` means that the loop is wrong for this
    family (recurrent and hybrid caches, other positions), and that ``model.generate`` has to do it.
    """
    with _rows_apart(model):
        return _fastest(model)


def _fastest(model: Any) -> Loop:
    if model.config.is_encoder_decoder:
        return "plain" if _holds(partial(_encoder_decoder_gap, model), model) else "generate"
    if not _has_plain_cache(model):
        return "generate"
    for loop in SHARING:
        if _holds(partial(_causal_gap, model, loop), model):
            return loop
    return "generate"


def _has_plain_cache(model: Any) -> bool:
    """Whether every layer of the model's own cache holds keys and values and nothing else."""
    layers = DynamicCache(config=model.config).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def _holds(gap: Callable[[], float], model: Any) -> bool:
    """Whether a loop runs on this model and gives its logits, up to rounding."""
    try:
        return gap() <= _tolerance(model)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # a family that does not fit may fail anywhere in its own code
        return False


def _tolerance(model: Any) -> float:
    exact = not getattr(model, "is_quantized", False)  # quantized weights are multiplied in half precision
    return TOLERANCE.get(model.dtype, HALF_PRECISION_TOLERANCE) if exact else HALF_PRECISION_TOLERANCE


@contextmanager
def _rows_apart(model: Any) -> Iterator[None]:
    """Without the outlier columns of LLM.int8(), which are looked for in all rows of a batch together.

    They are no part of a loop, but by them a row's logits depend on the rows beside it.
    """
    held: list[Any] = [getattr(module, "state", None) for module in model.modules()]
    states = [state for state in held if type(state).__name__ == "MatmulLtState"]
    thresholds = [state.threshold for state in states]
    try:
        for state in states:
            state.threshold = 0.0
        yield
    finally:
        for state, threshold in zip(states, thresholds, strict=True):
            state.threshold = threshold


def _causal_gap(model: Any, loop: Loop) -> float:
    prefix = [] if loop == "plain" else _tokens(model, PREFIX_LENGTH, 0)
    prompts, more = [_tokens(model, SHORT, 1), _tokens(model, LONG, 2)], _tokens(model, STEPS, 3)
    states = read_prefix(model, prefix) if prefix else None
    rows = torch.tensor([0, 0, 1], device=model.device)
    shared, expanded = (states, None) if loop == "shared" else (None, states)
    if loop == "shared":
        with shared_attention(model):
            got = _run(CausalStepper(model, prompts, rows, STEPS, prefix, shared), more)
    else:
        got = _run(CausalStepper(model, prompts, rows, STEPS, prefix, None, expanded), more)
    wanted = [_alone(model, [*prefix, *prompt, *more]) for prompt in prompts]
    return _gap(got, wanted)


def _encoder_decoder_gap(model: Any) -> float:
    sources, more = [_tokens(model, SHORT, 1), _tokens(model, LONG, 2)], _tokens(model, STEPS, 3)
    start = _tokens(model, 1, 4)[0]
    rows = torch.tensor([0, 0, 1], device=model.device)
    got = _run(EncoderDecoderStepper(model, sources, rows, STEPS, start), more)
    wanted = [_alone(model, source, [start, *more]) for source in sources]
    return _gap(got, wanted)


def _run(stepper: Stepper, more: list[int]) -> list[Tensor]:
    """Logits of the first sample of both prompts at every step: ``STEPS + 1`` tensors ``[2, vocabulary]``."""
    seen = [stepper.logits[[0, 2]]]
    stepper.keep(torch.tensor([0, 2], device=stepper.logits.device))
    for token in more:
        seen.append(stepper.advance(torch.tensor([token, token], device=seen[0].device)))
    return seen


def _alone(model: Any, ids: list[int], decoder_ids: list[int] | None = None) -> Tensor:
    """The model's logits at the last ``STEPS + 1`` positions, in one plain pass."""
    inputs = {"input_ids": torch.tensor([ids], device=model.device), "use_cache": False}
    if decoder_ids is not None:
        inputs["decoder_input_ids"] = torch.tensor([decoder_ids], device=model.device)
    logits: Tensor = model(**inputs).logits[0, -(STEPS + 1) :]
    return logits


def _gap(got: list[Tensor], wanted: list[Tensor]) -> float:
    """The largest difference, in standard deviations of the logits."""
    both, right = torch.stack(got, 1).float(), torch.stack(wanted).float()
    gap = ((both - right).abs().max() / right.std()).item()
    return gap if gap == gap else float("inf")  # not a number is no proof


def _tokens(model: Any, count: int, seed: int) -> list[int]:
    vocabulary = model.get_input_embeddings().weight.shape[0]
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocabulary, (count,), generator=generator).tolist()
