"""The model before training: an encoder with a new head."""

from typing import Any

from accelerate import PartialState
from transformers import AutoModelForTokenClassification

from detox_cli.errors import BadSettings
from detox_cli.models.loading import (
    LOAD_ERRORS,
    Loaded,
    load_encoder,
    load_error,
    load_tokenizer,
    read_config,
)
from detox_cli.models.segment_cnn import SegmentCnn, SegmentCnnConfig
from detox_cli.models.sources import ModelSource
from detox_cli.scoring.batching import length_limit
from detox_cli.scoring.spans.encoding import check_offsets
from detox_cli.scoring.spans.tagger import LENGTH_KEY
from detox_cli.settings.train_spans import SpansSettings

CLASSES: dict[str, Any] = {"id2label": {0: "none", 1: "toxic"}, "label2id": {"none": 0, "toxic": 1}}
TOXIC = 1


def load_start(settings: SpansSettings, source: ModelSource) -> Loaded:
    """The encoder with a head of the kind that is asked for, which is drawn at random.

    Raises:
        BadSettings: It is no encoder that can be used, or its tokenizer does not know characters.
    """
    check_encoder(read_config(source, settings.trust_remote_code), source.name)
    loaded = _segment_cnn(settings, source) if settings.head == "segment-cnn" else _tokens(settings, source)
    check_offsets(loaded.tokenizer, source.name)
    setattr(loaded.model.config, LENGTH_KEY, min(settings.max_length, length_limit(loaded)))
    loaded.model.to(PartialState().device)
    return loaded


def check_encoder(config: Any, name: str) -> None:
    """Raise ``BadSettings`` for a model with a decoder of its own, whose states are not those of the text."""
    if getattr(config, "is_encoder_decoder", False):
        raise BadSettings(
            f"{name} is an encoder-decoder", hint="name an encoder, such as FacebookAI/roberta-base"
        )


def _segment_cnn(settings: SpansSettings, source: ModelSource) -> Loaded:
    """A `SegmentCnn` around the weights of the encoder; its pooler, if it has one, is left out."""
    encoder = load_encoder(source, "cpu", "float32", settings.trust_remote_code)
    config = SegmentCnnConfig(
        encoder.model.config.to_dict(),
        settings.window,
        settings.convolution,
        settings.reading,
        toxic_weight=settings.toxic_weight,
        max_position_embeddings=length_limit(encoder),
        **CLASSES,
    )
    model = SegmentCnn(config)
    model.encoder.load_state_dict(encoder.model.state_dict(), strict=False)
    return Loaded(model, encoder.tokenizer, source)


def _tokens(settings: SpansSettings, source: ModelSource) -> Loaded:
    """A token classifier of transformers; what a head of another kind has learnt is not taken over."""
    config = read_config(source, settings.trust_remote_code)
    config.update({**CLASSES, "problem_type": None})
    try:
        model, report = AutoModelForTokenClassification.from_pretrained(
            source.location,
            config=config,
            dtype="float32",
            weights_only=True,
            use_safetensors=None if source.kind == "hub" else True,
            revision=source.revision,
            trust_remote_code=settings.trust_remote_code,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except LOAD_ERRORS as error:
        raise load_error(source, error) from error
    if lacking := [key for key in report["missing_keys"] if key.startswith(f"{model.base_model_prefix}.")]:
        raise BadSettings(
            f"{source.name} lacks weights of an encoder, such as {sorted(lacking)[0]}",
            hint="name a model that was trained",
        )
    return Loaded(model, load_tokenizer(source, settings.trust_remote_code), source)
