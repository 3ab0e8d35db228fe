"""How much memory a training needs, before any weight is loaded."""

from typing import Any

import torch

from detox_cli.services.training.lora import LoraShape

BYTES_PER_PARAMETER = {"adamw_torch": 16, "paged_adamw_32bit": 16, "rmsprop": 12, "adafactor": 8}
"""Weights and gradients in 4 bytes each, and two more moments for AdamW; Adafactor's are negligible."""
FROZEN_BYTES = 4
"""A weight that is not trained is only there."""


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


def training_bytes(trained: int, optimizer: str, frozen: int = 0) -> int:
    """Weights, gradients and optimizer in float32, without activations."""
    return trained * BYTES_PER_PARAMETER[optimizer] + frozen * FROZEN_BYTES
