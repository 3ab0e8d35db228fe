"""Load the transformers engine; the others load themselves."""

from dataclasses import replace
from pathlib import Path

from detox_cli.generation.chat import use_template
from detox_cli.generation.transformers_engine import (
    BATCH_ROWS,
    BATCH_TOKENS,
    TransformersEngine,
    Warn,
    say_nothing,
)
from detox_cli.models.adapters import Adapter, with_adapter
from detox_cli.models.freed_memory import keep_freed_memory
from detox_cli.models.loading import AS_THEY_ARE, load_causal, load_seq2seq, read_config
from detox_cli.models.sources import ModelSource
from detox_cli.models.weights import WeightForm


def load_engine(
    source: ModelSource,
    *,
    device: str = "auto",
    dtype: str = "auto",
    batch_tokens: int = BATCH_TOKENS,
    batch_rows: int = BATCH_ROWS,
    trust_remote_code: bool = False,
    form: WeightForm = AS_THEY_ARE,
    adapter: Adapter | None = None,
    chat_template: Path | None = None,
    warn: Warn = say_nothing,
) -> TransformersEngine:
    """The transformers engine with the model of ``source``, decoder-only or encoder-decoder.

    Raises:
        BadData: ``chat_template`` is no template.
        BadSettings: The model cannot write text, or the adapter does not fit it.
        Missing: The model cannot be fetched, or ``form`` needs what is not here.
    """
    encoder_decoder = read_config(source, trust_remote_code).is_encoder_decoder
    load = load_seq2seq if encoder_decoder else load_causal
    loaded = load(source, device, dtype, trust_remote_code, form)
    if chat_template is not None:
        use_template(loaded.tokenizer, chat_template)
    if adapter is not None:
        merge = form.quantize is None
        loaded = replace(loaded, model=with_adapter(loaded.model, adapter, merge=merge).eval())
    if loaded.model.device.type == "cpu":
        keep_freed_memory()
    return TransformersEngine(
        loaded, batch_tokens=batch_tokens, batch_rows=batch_rows, warn=warn, adapter=adapter
    )
