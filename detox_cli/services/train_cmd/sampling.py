"""What the model itself writes as an answer, while it is being trained."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import GenerationConfig

from detox_cli.services.train_cmd.batches import ChainRow, Ids, Layout, Tensors, Text

TOKENS, TOP_P = 20, 0.9
"""How anchors are sampled, at temperature 1; published."""


def sample(model: Any, layout: Layout, rows: Sequence[ChainRow], end: int, seed: int) -> list[Text]:
    """Let the model write an answer after each row's chain; no gradient, no dropout.

    Neither the mode of the model nor any other random number changes.

    Args:
        model: As the trainer calls it; what wraps it is taken off.
        layout: Of the model.
        rows: Whose chains are to be ended.
        end: The token at which an answer ends.
        seed: The same seed writes the same answers.
    """
    inner = getattr(model, "module", model)
    device = next(inner.parameters()).device
    plan = GenerationConfig(
        do_sample=True,
        top_p=TOP_P,
        top_k=0,
        temperature=1.0,
        min_new_tokens=1,
        max_new_tokens=TOKENS,
        eos_token_id=end,
        pad_token_id=layout.pad,
        decoder_start_token_id=layout.decoder_start,
        use_cache=True,
    )
    # A decoder with learned positions would count what fills its rows up, so each of its rows goes alone.
    batches = [rows] if layout.decoder_start is None else [[row] for row in rows]
    written: list[Ids] = []
    with resting(inner), own_numbers(seed, device), torch.no_grad():
        for batch in batches:
            inputs = {name: value.to(device) for name, value in _asked(layout, batch).items()}
            width = inputs.get("decoder_input_ids", inputs["input_ids"]).shape[1]
            written += inner.generate(**inputs, generation_config=plan)[:, width:].tolist()
    return [
        Text([*before, *answer], len(before), len(before) + len(answer))
        for row, ids in zip(rows, written, strict=True)
        for before, answer in [(row.positive.before, until(ids, end))]
    ]


def _asked(layout: Layout, rows: Sequence[ChainRow]) -> Tensors:
    """What is read before an answer, filled on the left."""
    befores = [row.positive.before for row in rows]
    if layout.decoder_start is not None:
        (row,) = rows
        inputs = layout.inputs([[]], [row.source])
        return {**inputs, "decoder_input_ids": torch.tensor([[layout.decoder_start, *befores[0]]])}
    width = max(map(len, befores))
    return {
        "input_ids": torch.tensor([[layout.pad] * (width - len(ids)) + ids for ids in befores]),
        "attention_mask": torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in befores]),
    }


def until(ids: Ids, end: int) -> Ids:
    """The tokens before the one that ends a text; at least one."""
    return ids[: max(1, ids.index(end))] if end in ids else ids


@contextmanager
def resting(model: Any) -> Iterator[None]:
    """In evaluation mode, and afterwards every part of the model in the mode that it had."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def own_numbers(seed: int, device: torch.device) -> Iterator[None]:
    """Random numbers of their own; those of everybody else go on as if nothing had been drawn."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
