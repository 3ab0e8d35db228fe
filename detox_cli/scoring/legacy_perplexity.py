"""The "conditional perplexity" of the cross-lingual evaluation (Li, Yong & Bach 2024), by an encoder-decoder.

It is kept for its published figures. Encoder and decoder both get the text that is measured, so it says how
well a model copies, not how likely a continuation is:

    L(x) = (mean loss of x given x) * (len(x) - 1)          len with the closing token
    value = exp((L(prompt + text) - L(prompt)) / (len(prompt + text) - len(prompt)))
"""

from collections.abc import Sequence
from math import exp

import torch

from detox_cli.models.loading import Loaded
from detox_cli.scoring.batching import length_limit, token_batches


def legacy_perplexities(
    loaded: Loaded, prompts: Sequence[str], texts: Sequence[Sequence[str]], batch_tokens: int = 2048
) -> list[list[float | None]]:
    """The value of every continuation of every prompt; ``None`` for a blank one and where it is no number.

    Each prompt is read once; all in batches of similar length. Values of 10,000 and more, which the original
    leaves out of its statistics, are given as they are.
    """
    wholes = [
        prompt + text for prompt, some in zip(prompts, texts, strict=True) for text in some if text.strip()
    ]
    unique = list(dict.fromkeys([*prompts, *wholes]))
    totals = dict(zip(unique, _totals(loaded, unique, batch_tokens), strict=True))
    return [
        [_value(totals[prompt], totals[prompt + text]) if text.strip() else None for text in some]
        for prompt, some in zip(prompts, texts, strict=True)
    ]


def _value(prompt: tuple[float, int], whole: tuple[float, int]) -> float | None:
    tokens = whole[1] - prompt[1]
    if tokens == 0:
        return None
    try:
        value = exp((whole[0] - prompt[0]) / tokens)
    except OverflowError:
        return None
    return value if value == value else None


def _totals(loaded: Loaded, texts: Sequence[str], batch_tokens: int) -> list[tuple[float, int]]:
    """(mean loss) * (length - 1), and the length in tokens, of every text read as its own source."""
    limit = length_limit(loaded)
    ids = [list(loaded.tokenizer(text, truncation=True, max_length=limit).input_ids) for text in texts]
    found: list[tuple[float, int]] = [(0.0, 0)] * len(texts)
    for batch in token_batches([len(one) for one in ids], batch_tokens):
        for place, total in zip(batch, _batch(loaded, [ids[i] for i in batch]), strict=True):
            length = len(ids[place])
            found[place] = (total / length * (length - 1), length)
    return found


@torch.inference_mode()
def _batch(loaded: Loaded, rows: Sequence[Sequence[int]]) -> list[float]:
    longest = max(map(len, rows))
    pad, device = loaded.model.config.pad_token_id or 0, loaded.model.device
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
    labels = ids.masked_fill(mask == 0, -100)
    logits = loaded.model(input_ids=ids, attention_mask=mask, labels=labels).logits.float()
    losses = torch.nn.functional.cross_entropy(
        logits.transpose(1, 2), labels, reduction="none", ignore_index=-100
    )
    values: list[float] = losses.double().sum(dim=1).tolist()
    return values
