"""Load a model and its tokenizer, safely and completely, or say in one line why not."""

import os
from dataclasses import dataclass
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from detox_cli.errors import BadSettings, DetoxError, Missing
from detox_cli.models.segment_cnn import SegmentCnn
from detox_cli.models.sources import WAYS_OUT, ModelSource
from detox_cli.models.weights import WeightForm

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
AS_THEY_ARE = WeightForm()
LOAD_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    ImportError,
    SafetensorError,
    UnpicklingError,
)
GENERATORS = (
    "ForCausalLM",
    "LMHead",
    "ForConditionalGeneration",
    "ForSeq2SeqLM",
    "MTModel",
    "EncoderDecoderModel",
    "BertGenerationDecoder",
)


# Otherwise transformers asks a service on the hub, in a thread, to convert what it found pickled.
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")


@dataclass(frozen=True)
class Loaded:
    """A model in evaluation mode with its tokenizer and where both came from."""

    model: Any
    tokenizer: Any
    source: ModelSource


def load_causal(
    source: ModelSource,
    device: str = "auto",
    dtype: str = "auto",
    trust_remote_code: bool = False,
    form: WeightForm = AS_THEY_ARE,
) -> Loaded:
    """Load a decoder-only language model. Raises ``BadSettings`` if ``source`` holds something else."""
    config = read_config(source, trust_remote_code)
    _expect(source, config, encoder_decoder=False)
    return _load(AutoModelForCausalLM, source, config, device, dtype, trust_remote_code, form=form)


def load_seq2seq(
    source: ModelSource,
    device: str = "auto",
    dtype: str = "auto",
    trust_remote_code: bool = False,
    form: WeightForm = AS_THEY_ARE,
) -> Loaded:
    """Load an encoder-decoder model. Raises ``BadSettings`` if ``source`` holds something else."""
    config = read_config(source, trust_remote_code)
    _expect(source, config, encoder_decoder=True)
    return _load(AutoModelForSeq2SeqLM, source, config, device, dtype, trust_remote_code, form=form)


def load_classifier(
    source: ModelSource, device: str = "auto", dtype: str = "auto", trust_remote_code: bool = False
) -> Loaded:
    """Load a sequence classifier; a model whose classification head is missing is an error.

    Many published scorers are older than safetensors: from the hub their pickled weights are taken too, as
    plain tensors (``weights_only``).
    """
    config = read_config(source, trust_remote_code)
    auto = AutoModelForSequenceClassification
    return _load(auto, source, config, device, dtype, trust_remote_code, may_be_pickled=True)


def load_token_classifier(
    source: ModelSource, device: str = "auto", dtype: str = "auto", trust_remote_code: bool = False
) -> Loaded:
    """Load a model that gives classes to tokens, of transformers or a `SegmentCnn`.

    Pickled weights from the hub are taken as plain tensors, as for classifiers. Raises ``BadSettings`` as
    `read_token_classes`.
    """
    read_token_classes(source, trust_remote_code)
    config = read_config(source, trust_remote_code)
    auto = AutoModelForTokenClassification
    return _load(auto, source, config, device, dtype, trust_remote_code, may_be_pickled=True)


def load_encoder(
    source: ModelSource,
    device: str = "auto",
    dtype: str = "auto",
    trust_remote_code: bool = False,
    pooler: bool = False,
) -> Loaded:
    """Load a model without a head; unless ``pooler`` is asked for, an untrained pooler is allowed.

    Pickled weights from the hub are taken as plain tensors, as for classifiers.
    """
    config = read_config(source, trust_remote_code)
    may_lack = () if pooler else ("pooler.",)
    return _load(
        AutoModel, source, config, device, dtype, trust_remote_code, may_lack=may_lack, may_be_pickled=True
    )


def read_config(source: ModelSource, trust_remote_code: bool = False) -> Any:
    """The model's configuration, without its weights."""
    try:
        return AutoConfig.from_pretrained(
            source.location, revision=source.revision, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError, KeyError) as error:
        raise load_error(source, error) from error


def read_token_classes(source: ModelSource, trust_remote_code: bool = False) -> list[str]:
    """The names of the classes that a model gives to tokens, by position, without its weights.

    A classifier of whole texts is refused with ``BadSettings``: its head has weights of the same names.
    """
    config = read_config(source, trust_remote_code)
    named = list(config.architectures or ["an unnamed model"])
    if not any("ForTokenClassification" in name or name == SegmentCnn.__name__ for name in named):
        raise BadSettings(
            f"{source.name} is a {named[0]}, which gives no classes to tokens",
            hint="train one with detox train spans, or use attribution:SCORER with a classifier of texts",
        )
    return [str(name) for _, name in sorted(config.id2label.items())]


def load_tokenizer(source: ModelSource, trust_remote_code: bool = False) -> Any:
    """The model's tokenizer, without its weights."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            source.location, revision=source.revision, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise load_error(source, error) from error
    # It would be saved with the tokenizer, and a folder made offline would be another than one made online.
    tokenizer.init_kwargs.pop("local_files_only", None)
    return tokenizer


def pick_device(device: str) -> torch.device:
    """``auto`` is the first GPU, else the CPU; anything else is what torch calls it."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise BadSettings(f"the device {device} is not here", where="--device", hint="use auto") from error
    return chosen


def pick_dtype(dtype: str, device: torch.device) -> torch.dtype | str:
    """``auto`` is float32 on the CPU and the checkpoint's own type elsewhere."""
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    if dtype not in DTYPES:
        raise BadSettings(f"unknown number type {dtype}", where="--dtype", hint=f"use {', '.join(DTYPES)}")
    return DTYPES[dtype]


def _expect(source: ModelSource, config: Any, *, encoder_decoder: bool) -> None:
    """Refuse a model that cannot generate, or whose shape is not the one asked for."""
    named = list(config.architectures or [])
    if named and not any(marker in architecture for architecture in named for marker in GENERATORS):
        raise BadSettings(
            f"{source.name} is a {named[0]}, which cannot write text", hint="name a language model"
        )
    if bool(config.is_encoder_decoder) != encoder_decoder:
        is_kind = "an encoder-decoder" if config.is_encoder_decoder else "a decoder-only model"
        wanted = "an encoder-decoder" if encoder_decoder else "a decoder-only model"
        raise BadSettings(f"{source.name} is {is_kind}, wanted is {wanted}", hint="name another model")


def _load(
    auto_class: Any,
    source: ModelSource,
    config: Any,
    device: str,
    dtype: str,
    trust_remote_code: bool,
    may_lack: tuple[str, ...] = (),
    may_be_pickled: bool = False,
    form: WeightForm = AS_THEY_ARE,
) -> Loaded:
    place = pick_device(device)
    number_type = pick_dtype(dtype, place)
    formed = form.arguments(auto_class, config, place, number_type)
    tokenizer = load_tokenizer(source, trust_remote_code)
    try:
        model, report = auto_class.from_pretrained(
            source.location,
            config=config,
            dtype=number_type,
            use_safetensors=None if may_be_pickled and source.kind == "hub" else True,
            weights_only=True,
            output_loading_info=True,
            revision=source.revision,
            trust_remote_code=trust_remote_code,
            **formed,
        )
    except torch.OutOfMemoryError as error:
        raise DetoxError(
            f"{source.name} does not fit into the memory of {place}",
            hint="use --dtype bfloat16, --quantize or another --device",
        ) from error
    except LOAD_ERRORS as error:
        raise load_error(source, error) from error
    lacking = [key for key in report["missing_keys"] if not key.startswith(may_lack or ("\0",))]
    if lacking:
        raise BadSettings(
            f"{source.name} lacks weights that a {type(model).__name__} needs, such as {sorted(lacking)[0]}",
            hint="name a model that was trained for this",
        )
    model = model if form.quantize else model.to(place)  # quantized weights are where they belong
    return Loaded(model.eval(), tokenizer, source)


def load_error(source: ModelSource, error: Exception) -> DetoxError:
    """One line out of what the libraries say."""
    reason = " ".join(str(error).split())[:200]
    if "trust_remote_code" in str(error):
        return BadSettings(f"{source.name} brings its own code", hint="trust it with --trust-remote-code")
    if source.kind == "hub" and isinstance(error, OSError):
        return Missing(f"the hub model {source.name} cannot be fetched: {reason}", hint=WAYS_OUT)
    return BadSettings(f"{source.name} cannot be loaded: {reason}", hint="check the folder's files")
