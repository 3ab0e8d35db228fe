"""Looking whether a model keeps packed texts apart, before it is trained on them."""

from typing import Any

import torch

from detox_cli.errors import BadSettings
from detox_cli.services.train_lm.batches import Collator

TOLERANCE = 1e-3
"""Largest difference of a logit, in parts of the largest logit; a neighbour that is seen makes far more."""


@torch.inference_mode()
def prove_apart(model: Any, name: str) -> None:
    """Read two texts apart and side by side, and compare what is predicted.

    Args:
        model: Anything that is to be trained on packed rows, in float32 or bfloat16.
        name: Of the model, for the message.

    Raises:
        BadSettings: What a text predicts depends on its neighbour: this family has no such masks.
    """
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    generator = torch.Generator().manual_seed(0)
    texts = [torch.randint(vocabulary, (length,), generator=generator).tolist() for length in (7, 5)]
    logits = []
    for rows in ([texts], [[texts[0]], [texts[1]]]):
        batch = Collator(0, packed=len(rows) == 1)(rows)
        batch.pop("labels")
        batch = {key: value.to(model.device) for key, value in batch.items()}
        logits.append(model(**batch, use_cache=False).logits.float())
    packed, apart = logits
    apart = torch.cat([apart[0, :7], apart[1, :5]])
    limit = TOLERANCE if model.dtype == torch.float32 else 50 * TOLERANCE
    if (packed[0] - apart).abs().max() > limit * apart.abs().max():
        what = f"{name} does not keep packed texts apart: what one predicts depends on its neighbour"
        raise BadSettings(what, where="--packing", hint="leave --packing out")
