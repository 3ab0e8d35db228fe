"""The rules on tokens that a model's own generation settings bring along."""

from typing import Any

import torch
from transformers import LogitsProcessor
from transformers.generation.logits_process import (
    ForcedBOSTokenLogitsProcessor,
    ForcedEOSTokenLogitsProcessor,
    LogitsProcessorList,
    MinLengthLogitsProcessor,
    MinNewTokensLengthLogitsProcessor,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    SuppressTokensAtBeginLogitsProcessor,
    SuppressTokensLogitsProcessor,
)

from detox_cli.generation.decoding import Rules
from detox_cli.generation.requests import Sampling

NOT_APPLIED = (
    "encoder_repetition_penalty",
    "exponential_decay_length_penalty",
    "guidance_scale",
    "watermarking_config",
)


def token_rules(settings: Any, sampling: Sampling, start: int, ends: list[int], device: Any) -> Rules | None:
    """What changes logits before a token is chosen; ``None`` if nothing does.

    How tokens are chosen (temperature, top-k, top-p, beams, repeated n-grams) is the sampling's to say.
    What a model's generation settings add to that (forced tokens, shortest lengths, tokens that are never
    to be written, a repetition penalty) is applied with the processors of transformers, in its order.

    Args:
        settings: The model's ``GenerationConfig``.
        sampling: What was asked for.
        start: Tokens of a row before its first new one, padding included.
        ends: The stop tokens.
        device: Where the logits are.
    """
    found = [*_on_repeats(settings, sampling), *_on_lengths(settings, start, ends, device)]
    found += _on_single_tokens(settings, sampling, start, ends, device)
    return LogitsProcessorList(found) if found else None


def not_applied(settings: Any) -> list[str]:
    """Names of generation settings that the decoding loop does not know and that are not at their default."""
    return [name for name in NOT_APPLIED if getattr(settings, name, None) not in (None, 1, 1.0)]


def _on_repeats(settings: Any, sampling: Sampling) -> list[LogitsProcessor]:
    found: list[LogitsProcessor] = []
    if settings.sequence_bias is not None:
        found.append(SequenceBiasLogitsProcessor(settings.sequence_bias))
    if settings.repetition_penalty not in (None, 1.0):
        found.append(RepetitionPenaltyLogitsProcessor(settings.repetition_penalty))
    if sampling.no_repeat_ngram_size > 0:
        found.append(NoRepeatNGramLogitsProcessor(sampling.no_repeat_ngram_size))
    return found


def _on_lengths(settings: Any, start: int, ends: list[int], device: Any) -> list[LogitsProcessor]:
    found: list[LogitsProcessor] = []
    if not ends:
        return found
    if settings.bad_words_ids is not None:
        found.append(NoBadWordsLogitsProcessor(settings.bad_words_ids, torch.tensor(ends, device=device)))
    if settings.min_length:
        found.append(MinLengthLogitsProcessor(settings.min_length, ends, device=device))
    if settings.min_new_tokens:
        found.append(MinNewTokensLengthLogitsProcessor(start, settings.min_new_tokens, ends, device=device))
    return found


def _on_single_tokens(
    settings: Any, sampling: Sampling, start: int, ends: list[int], device: Any
) -> list[LogitsProcessor]:
    found: list[LogitsProcessor] = []
    if settings.forced_bos_token_id is not None:
        found.append(ForcedBOSTokenLogitsProcessor(settings.forced_bos_token_id))
    if settings.forced_eos_token_id is not None:
        limit = start + sampling.max_new_tokens
        found.append(ForcedEOSTokenLogitsProcessor(limit, settings.forced_eos_token_id, device=device))
    if settings.suppress_tokens is not None:
        found.append(SuppressTokensLogitsProcessor(settings.suppress_tokens, device=device))
    if settings.begin_suppress_tokens is not None:
        begin = start + (settings.forced_bos_token_id is not None and start == 1)
        found.append(
            SuppressTokensAtBeginLogitsProcessor(settings.begin_suppress_tokens, begin, device=device)
        )
    return found
