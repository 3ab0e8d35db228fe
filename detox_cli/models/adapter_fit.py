"""Whether a LoRA adapter is for a model, told from shapes alone, for engines that would not say it."""

from typing import Any

import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from detox_cli.errors import BadSettings
from detox_cli.models.adapters import FLAG, WEIGHTS, Adapter


def check_fit(adapter: Adapter, config: Any, trust_remote_code: bool = False) -> None:
    """Raise ``BadSettings`` if a matrix of the adapter belongs to none of the model's weights.

    The model is built without weights. One that transformers cannot build as a language model is not checked.

    Args:
        adapter: What is to be put on the model.
        config: The model's configuration.
        trust_remote_code: Run code that the model brings.
    """
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    except ValueError:
        return
    shapes = {name.removesuffix(".weight"): tuple(weight.shape) for name, weight in model.named_parameters()}
    with safe_open(adapter.folder / WEIGHTS, "pt") as file:
        for key in sorted(file.keys()):
            name, lora, matrix = key.removeprefix("base_model.model.").partition(".lora_")
            shape = tuple(file.get_slice(key).get_shape())
            if lora and not _belongs(matrix, shape, shapes.get(name)):
                there = f"which is {shapes[name]} in the model" if name in shapes else "which the model lacks"
                raise BadSettings(
                    f"the adapter {adapter.name} does not fit the model: it has {shape} for {name}, {there}",
                    where=FLAG,
                    hint="name the model that it was trained on",
                )


def _belongs(matrix: str, shape: tuple[int, ...], weight: tuple[int, ...] | None) -> bool:
    """Whether the free side of A ``[rank, in]`` or B ``[out, rank]`` is one of the weight's sides."""
    if weight is None:
        return False
    side = {"A": 1, "B": 0}.get(matrix.removeprefix("embedding_")[:1])
    return side is None or len(shape) != 2 or shape[side] in weight
