"""Generation by ``model.generate``: beam search, and families that the fast loop is not right for."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from detox_cli.generation.decoding import Row
from detox_cli.generation.requests import Sampling
from detox_cli.generation.steppers import Ids, pad


def search_beams(
    model: Any, prompts: Sequence[Ids], samples: int, sampling: Sampling, stop_tokens: list[int]
) -> list[list[Row]]:
    """The best ``samples`` beams of every prompt, best first; the prompts are padded into one batch."""
    settings = library_settings(model, sampling, samples, stop_tokens)
    return _generate(model, prompts, samples, settings)


def sample_alone(
    model: Any, prompt: Ids, seed: int, samples: int, sampling: Sampling, stop_tokens: list[int]
) -> list[Row]:
    """Samples of one prompt in a batch of its own, so that they depend on its own seed alone."""
    settings = library_settings(model, sampling, samples, stop_tokens)
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        return _generate(model, [prompt], samples, settings)[0]


def library_settings(model: Any, sampling: Sampling, samples: int, stop_tokens: list[int]) -> Any:
    """The model's own ``GenerationConfig`` with everything that the sampling says put in its place."""
    settings = copy.deepcopy(model.generation_config)
    drawn = sampling.num_beams == 1 and sampling.temperature > 0
    settings.update(
        max_length=None,
        max_new_tokens=sampling.max_new_tokens,
        do_sample=drawn,
        temperature=sampling.temperature if drawn else None,
        top_p=sampling.top_p if drawn else None,
        top_k=sampling.top_k if drawn else None,
        num_beams=sampling.num_beams,
        num_return_sequences=samples,
        no_repeat_ngram_size=sampling.no_repeat_ngram_size or None,
        eos_token_id=stop_tokens or None,
        pad_token_id=settings.pad_token_id if settings.pad_token_id is not None else (stop_tokens or [0])[0],
    )
    return settings


def _generate(model: Any, prompts: Sequence[Ids], samples: int, settings: Any) -> list[list[Row]]:
    encoder_decoder = bool(model.config.is_encoder_decoder)
    ids, mask = pad(prompts, left=not encoder_decoder, device=model.device)
    if samples > 1 and not settings.do_sample and settings.num_beams == 1:
        settings.num_return_sequences = 1  # greedy decoding has one answer; it is repeated below
    written = model.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
    written = written[:, 1 if encoder_decoder else ids.shape[1] :]
    rows = [_row(sequence, settings) for sequence in written]
    each = len(rows) // len(prompts)
    return [(rows[i * each : (i + 1) * each] * samples)[:samples] for i in range(len(prompts))]


def _row(sequence: Tensor, settings: Any) -> Row:
    """What a sequence says up to its stop token, which the padding of shorter ones follows."""
    tokens = sequence.tolist()
    ends = settings.eos_token_id or []
    ends = ends if isinstance(ends, list) else [ends]
    place = next((i for i, token in enumerate(tokens) if token in ends), None)
    if place is None:
        return Row(tokens, ended=False, count=len(tokens))
    forced = settings.forced_eos_token_id is not None and place + 1 == settings.max_new_tokens
    return Row(tokens[:place], ended=not forced, count=place + 1)
