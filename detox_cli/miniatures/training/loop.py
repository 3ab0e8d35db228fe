"""The training loop of the bundled encoders: batches of one length, AdamW, one warm-up, one decay."""

import json
import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase


def length_batches(lengths: Sequence[int], tokens: int, rng: random.Random) -> list[list[int]]:
    """Indices in batches of about ``tokens`` padded tokens, like lengths together, in random order."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i] + rng.random() * 4)
    batches: list[list[int]] = [[]]
    for index in order:
        if batches[-1] and (len(batches[-1]) + 1) * lengths[index] > tokens:
            batches.append([])
        batches[-1].append(index)
    rng.shuffle(batches)
    return batches


def pad(rows: Sequence[Sequence[int]], filler: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (n, longest) and the mask (n, longest) that is one where a token is."""
    longest = max(len(row) for row in rows)
    ids = torch.tensor([list(row) + [filler] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask


def fit(
    model: nn.Module,
    batches: Sequence[list[int]],
    loss: Callable[[list[int]], torch.Tensor],
    *,
    learning_rate: float,
    warm_up: float = 0.06,
    weight_decay: float = 0.01,
    name: str = "",
) -> None:
    """One pass over ``batches``; ``loss`` maps the indices of a batch to a scalar. Prints loss and time."""
    matrices = [p for p in model.parameters() if p.requires_grad and p.dim() > 1]
    others = [p for p in model.parameters() if p.requires_grad and p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)
    steps, begin, running = len(batches), time.monotonic(), 0.0
    model.train()
    for step, batch in enumerate(batches):
        rate = learning_rate * one_cycle(step / steps, warm_up)
        for group in optimizer.param_groups:
            group["lr"] = rate
        value = loss(batch)
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        running = 0.98 * running + 0.02 * value.item() if step else value.item()
        if step % 200 == 0 or step == steps - 1:
            print(
                f"{name} step {step}/{steps} loss {running:.4f} {time.monotonic() - begin:.0f} s", flush=True
            )
    model.eval()


def one_cycle(done: float, warm_up: float) -> float:
    """Share of the learning rate after a fraction ``done`` of the run: linear up, then half a cosine down."""
    if done < warm_up:
        return done / warm_up + 1e-3
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


def save_half(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write tokenizer, config and float16 weights to ``folder``; the config asks to compute in float32."""
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder)
    model.float()
    tokenizer.save_pretrained(folder)
    _set(folder / "config.json", dtype="float32")
    _set(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    (folder / "model.safetensors").chmod(0o644)


def _set(path: Path, **values: str) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
