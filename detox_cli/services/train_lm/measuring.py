"""What a model loses on each held-out text."""

from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object

from detox_cli.scoring.losses import Loss, token_nats
from detox_cli.services.train_lm.batches import Collator, EncodedTexts
from detox_cli.services.training.lengths import IGNORED


def row_nats(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """-ln p of each row and how many tokens count: [rows, tokens, words], [rows, tokens] to [rows] twice."""
    targets = labels[:, 1:]
    counted = targets != IGNORED
    nats = token_nats(logits[:, :-1], targets.clamp(min=0)) * counted
    return nats.sum(1), counted.sum(1)


@torch.inference_mode()
def held_out_losses(model: Any, texts: EncodedTexts, batch_size: int) -> list[Loss]:
    """The loss on each text, in order, read as it is read in training; each process reads its share.

    Args:
        model: The whole model, not one that is wrapped for training; moved to the device of this process.
        texts: What to read, one text a row.
        batch_size: Rows at a time.
    """
    state = PartialState()
    mine = texts.rows[state.process_index :: state.num_processes]
    model.to(state.device)
    was_training = model.training
    model.eval()
    found: list[Loss] = []
    for start in range(0, len(mine), batch_size):
        batch = {k: v.to(state.device) for k, v in Collator(0)(mine[start : start + batch_size]).items()}
        labels = batch.pop("labels")
        nats, counts = row_nats(model(**batch, use_cache=False).logits, labels)
        found += [Loss(loss, count) for loss, count in zip(nats.tolist(), counts.tolist(), strict=True)]
    model.train(was_training)
    if state.num_processes == 1:
        return found
    shares = gather_object([found])
    return [shares[i % state.num_processes][i // state.num_processes] for i in range(len(texts))]
