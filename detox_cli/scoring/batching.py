"""Run a model over texts: identical ones once, batches of similar length, filled up to a token budget."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from detox_cli.errors import BadSettings, DetoxError
from detox_cli.models.loading import Loaded

Item = str | tuple[str, str]
Forward = Callable[[dict[str, torch.Tensor]], torch.Tensor]

BATCH_TOKENS = 2048
"""Padded tokens in one batch, where the caller does not say."""
PROCESSOR_TOKENS = 1024
"""More tokens at a time than this leave the caches of a processor, and are slower."""
FILLED = 0.75
"""For processors, on which padding costs as much as tokens do."""
ENOUGH = 64
"""With fewer tokens a pass costs what it costs to go through the weights, and padding is free."""


def run_model(loaded: Loaded, items: Sequence[Item], forward: Forward, batch_tokens: int) -> torch.Tensor:
    """Apply ``forward`` to every item and give the rows back in order, on the CPU, in float32.

    Args:
        loaded: The model and tokenizer.
        items: Texts, or pairs of texts that the tokenizer joins. Identical ones are computed once.
        forward: Tokenised batch -> tensor [batch, ...], such as logits [batch, classes].
        batch_tokens: Padded tokens in one batch; a longer item makes a batch of its own.

    Returns:
        A tensor of shape [items, ...].
    """
    unique = {item: position for position, item in enumerate(dict.fromkeys(items))}
    if not unique:
        return torch.empty(0)
    encoded = tokenize(loaded, list(unique))
    lengths = [len(ids) for ids in encoded["input_ids"]]
    rows: list[torch.Tensor | None] = [None] * len(unique)
    for batch in token_batches(lengths, batch_tokens):
        results = _forward(loaded, encoded, batch, forward)
        for position, row in zip(batch, results, strict=True):
            rows[position] = row
    return torch.stack([row for row in (rows[unique[item]] for item in items) if row is not None])


def token_batches(lengths: Sequence[int], budget: int, filled: float = 0.0) -> list[list[int]]:
    """Positions in batches of similar length, so that count x longest <= ``budget``; longest first.

    Args:
        lengths: In tokens.
        budget: Tokens of a batch, padding included.
        filled: The least share of the longest that every other of a batch must have, once the batch has
            ``ENOUGH`` tokens.
    """
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        longest = lengths[batches[-1][0]] if batches else 0
        fits = (len(batches[-1]) + 1) * longest <= budget if batches else False
        small = len(batches[-1]) * longest < ENOUGH if batches else False
        if fits and (small or lengths[position] >= filled * longest):
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches


def tokenize(loaded: Loaded, items: Sequence[Item], limit: int | None = None) -> dict[str, list[list[int]]]:
    """Token ids and masks, unpadded, cut at the model's limit (or at ``limit``); a pair is joined."""
    pairs = [item for item in items if isinstance(item, tuple)]
    texts = ([a for a, _ in pairs], [b for _, b in pairs]) if pairs else (list(items),)
    options = {"truncation": True, "max_length": limit or length_limit(loaded)}
    return dict(loaded.tokenizer(*texts, padding=False, verbose=False, **options))


def length_limit(loaded: Loaded) -> int:
    """How many tokens the model takes: the smaller of the tokenizer's limit and the model's positions."""
    limit = int(min(loaded.tokenizer.model_max_length, 2**20))
    config = loaded.model.config
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or positions <= 0:
        return limit
    offset = config.pad_token_id + 1 if _counts_from_padding(config) else 0
    return min(limit, int(positions) - offset)


def find_too_long(loaded: Loaded, items: Sequence[Item]) -> set[Item]:
    """The items that have more tokens than the model takes."""
    unique = list(dict.fromkeys(items))
    if not unique:
        return set()
    limit = length_limit(loaded)
    lengths = [len(ids) for ids in tokenize(loaded, unique, limit + 1)["input_ids"]]
    return {item for item, length in zip(unique, lengths, strict=True) if length > limit}


def count_too_long(loaded: Loaded, items: Sequence[Item]) -> int:
    """How many of ``items`` have more tokens than the model takes."""
    long = find_too_long(loaded, items)
    return sum(item in long for item in items)


def _counts_from_padding(config: Any) -> bool:
    """RoBERTa and its kin number positions from the padding id on, so that many positions are not usable."""
    return any(kin in config.model_type for kin in ("roberta", "camembert", "longformer", "mpnet"))


def _forward(
    loaded: Loaded, encoded: dict[str, list[list[int]]], batch: list[int], forward: Forward
) -> torch.Tensor:
    """One batch; if the device's memory is too small for it, its two halves."""
    try:
        with torch.inference_mode():
            return forward(pad_batch(loaded, encoded, batch)).float().cpu()
    except torch.OutOfMemoryError as error:
        if len(batch) == 1:
            raise DetoxError(
                f"one text does not fit into the memory of {loaded.model.device} beside {loaded.source.name}",
                hint="use --device cpu",
            ) from error
    torch.cuda.empty_cache()
    half = len(batch) // 2
    return torch.cat([_forward(loaded, encoded, part, forward) for part in (batch[:half], batch[half:])])


def pad_batch(
    loaded: Loaded, encoded: dict[str, list[list[int]]], batch: list[int]
) -> dict[str, torch.Tensor]:
    """The rows ``batch`` of ids and masks as tensors on the model's device, padded as its tokenizer does."""
    tokenizer = loaded.tokenizer
    if tokenizer.pad_token_id is None and len({len(encoded["input_ids"][i]) for i in batch}) > 1:
        raise BadSettings(f"the tokenizer of {loaded.source.name} has no padding token", hint="set pad_token")
    fill = {"input_ids": tokenizer.pad_token_id or 0, "token_type_ids": tokenizer.pad_token_type_id}
    longest = max(len(encoded["input_ids"][i]) for i in batch)
    padded = {}
    for name, rows in encoded.items():
        gaps = [[fill.get(name, 0)] * (longest - len(rows[i])) for i in batch]
        left = tokenizer.padding_side == "left"
        full = [gap + rows[i] if left else rows[i] + gap for i, gap in zip(batch, gaps, strict=True)]
        padded[name] = torch.tensor(full, device=loaded.model.device)
    return padded
