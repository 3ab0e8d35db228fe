"""Load an engine by name."""

from detox_cli.errors import BadSettings
from detox_cli.generation.transformers_engine import (
    BATCH_ROWS,
    BATCH_TOKENS,
    TransformersEngine,
    Warn,
    say_nothing,
)
from detox_cli.models.loading import load_causal, load_seq2seq, read_config
from detox_cli.models.sources import ModelSource

ENGINES = ("transformers",)


def load_engine(
    name: str,
    source: ModelSource,
    *,
    device: str = "auto",
    dtype: str = "auto",
    batch_tokens: int = BATCH_TOKENS,
    batch_rows: int = BATCH_ROWS,
    trust_remote_code: bool = False,
    warn: Warn = say_nothing,
) -> TransformersEngine:
    """The engine ``name`` with the model of ``source``, decoder-only or encoder-decoder.

    Raises:
        BadSettings: No such engine, or the model cannot write text.
        Missing: The model cannot be fetched.
    """
    if name not in ENGINES:
        raise BadSettings(f"no engine {name}", where="--engine", hint=f"use {', '.join(ENGINES)}")
    encoder_decoder = read_config(source, trust_remote_code).is_encoder_decoder
    load = load_seq2seq if encoder_decoder else load_causal
    loaded = load(source, device, dtype, trust_remote_code)
    return TransformersEngine(loaded, batch_tokens=batch_tokens, batch_rows=batch_rows, warn=warn)
