"""How much memory a training needs, before any weight is loaded."""

from typing import Any

import torch

from detox_cli.services.training.lora import LoraShape

MOMENTS = {"adamw_torch": 2, "paged_adamw_32bit": 2, "rmsprop": 1, "adafactor": 0}
"""Numbers that an optimizer keeps for each weight; Adafactor's rows and columns are negligible."""
FLOAT32, BFLOAT16 = 4, 2


def count_parameters(auto_class: Any, config: Any) -> int:
    """Weights of the model that ``config`` describes, tied ones once; nothing is allocated."""
    with torch.device("meta"):
        model = auto_class.from_config(config)
    return sum(weight.numel() for weight in model.parameters())


def adapter_parameters(auto_class: Any, config: Any, shape: LoraShape) -> int:
    """Weights of an adapter of this shape on the model that ``config`` describes; nothing is allocated."""
    with torch.device("meta"):
        adapted = shape.put_on(auto_class.from_config(config), "")
    return sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)


def training_bytes(trained: int, optimizer: str, frozen: int = 0, width: int = FLOAT32) -> int:
    """Weights, gradients and optimizer, without activations.

    Args:
        trained: Weights that are trained; each has a gradient and the optimizer's moments.
        optimizer: Its moments are as wide as the weights, unless its name says otherwise.
        frozen: Weights that are only there.
        width: Bytes of a weight.
    """
    moment = FLOAT32 if optimizer.endswith("_32bit") else width
    return trained * (2 * width + MOMENTS[optimizer] * moment) + frozen * width
