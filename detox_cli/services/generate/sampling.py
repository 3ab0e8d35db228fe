"""How ``detox generate`` chooses tokens: what the user says, else what suits the kind of model."""

from typing import Any, TypeVar

from transformers import GenerationConfig

from detox_cli.errors import BadSettings
from detox_cli.generation.chains.asking import PUBLISHED
from detox_cli.generation.encoding import context_length
from detox_cli.generation.requests import Sampling
from detox_cli.models.sources import ModelSource
from detox_cli.services.engine import Writer
from detox_cli.services.writers import LocalWriter
from detox_cli.settings.generate import GenerateSettings

T = TypeVar("T")
MAX_NEW_TOKENS = 64
CONTINUATION = Sampling(max_new_tokens=MAX_NEW_TOKENS, temperature=0.8, top_p=0.9)


def sampling_for(settings: GenerateSettings, writer: Writer) -> Sampling:
    """Nucleus sampling for a decoder-only model and for chains; an encoder-decoder's own settings else.

    What the user gave replaces the one or the other, field by field.

    Raises:
        BadSettings: The fields contradict each other.
    """
    own = CONTINUATION if settings.chain is None else PUBLISHED
    if settings.chain is None and isinstance(writer, LocalWriter) and writer.encoder_decoder:
        own = encoder_decoder_sampling(writer.source, writer.config)
    _check(settings)
    drawn = settings.temperature is not None and settings.temperature > 0
    beams = settings.num_beams or (1 if drawn else own.num_beams)
    return Sampling(
        max_new_tokens=settings.max_new_tokens or own.max_new_tokens,
        temperature=0.0 if beams > 1 else _given(settings.temperature, own.temperature),
        top_p=_given(settings.top_p, own.top_p),
        top_k=_given(settings.top_k, own.top_k),
        num_beams=_wide_enough(settings.num_samples, beams),
        no_repeat_ngram_size=_given(settings.no_repeat_ngram_size, own.no_repeat_ngram_size),
        stop=tuple(settings.stop),
    )


def encoder_decoder_sampling(source: ModelSource, config: Any) -> Sampling:
    """What an encoder-decoder's ``generation_config.json`` (else its ``config.json``) says."""
    try:
        own = GenerationConfig.from_pretrained(source.location, revision=source.revision)
    except OSError:
        own = GenerationConfig.from_model_config(config)
    length = own.max_new_tokens or (own.max_length - 1 if own.max_length else MAX_NEW_TOKENS)
    return Sampling(
        max_new_tokens=min(length, (context_length(config) or length + 1) - 1),
        temperature=(own.temperature or 1.0) if own.do_sample else 0.0,
        top_p=own.top_p or 1.0,
        top_k=(own.top_k or 0) if own.do_sample else 0,
        num_beams=own.num_beams or 1,
        no_repeat_ngram_size=own.no_repeat_ngram_size or 0,
    )


def _check(settings: GenerateSettings) -> None:
    if settings.system is not None and not settings.chat:
        raise BadSettings("--system needs --chat", hint="add --chat")
    if settings.num_beams and settings.num_beams > 1:
        for name in ("temperature", "top_p", "top_k"):
            if getattr(settings, name):
                flag = f"--{name.replace('_', '-')}"
                raise BadSettings(f"{flag} has no meaning in beam search", hint="leave it or --num-beams out")


def _wide_enough(samples: int, beams: int) -> int:
    if 1 < beams < samples:
        hint = f"add --num-beams {samples}, or --temperature 1 to sample"
        raise BadSettings(f"{beams} beams cannot give {samples} answers", where="--num-samples", hint=hint)
    return beams


def _given(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value
