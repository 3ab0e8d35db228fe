"""In which form a model's weights are held, and what computes its attention."""

import importlib.util
import logging
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers.utils import is_flash_attn_2_available

from detox_cli.errors import Missing

Quantize = Literal["4bit", "8bit"]
Attention = Literal["auto", "sdpa", "flash_attention_2", "eager"]
HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class WeightForm:
    """Quantization and attention of a model to be loaded.

    Attributes:
        quantize: ``4bit`` (QLoRA, Dettmers et al., 2023) or ``8bit`` (LLM.int8(), Dettmers et al., 2022);
            ``None`` keeps the weights as they are.
        four_bits: How 4 bits are a number: ``nf4`` or ``fp4``.
        attention: Its implementation; ``auto`` is FlashAttention 2 where package, GPU, model and number
            type have it, else what transformers prefers.
    """

    quantize: Quantize | None = None
    attention: Attention = "auto"
    four_bits: Literal["nf4", "fp4"] = "nf4"

    def arguments(self, auto_class: Any, config: Any, place: torch.device, dtype: Any) -> dict[str, Any]:
        """What ``from_pretrained`` is given for it.

        Raises:
            Missing: A package or a GPU that this form needs is not there.
        """
        found: dict[str, Any] = {}
        if self.quantize:
            found |= {"quantization_config": self._quantization(place), "device_map": {"": place}}
        chosen = self._chosen(auto_class, config, place, dtype)
        return found | ({"attn_implementation": chosen} if chosen else {})

    def _quantization(self, place: torch.device) -> Any:
        find_bitsandbytes()
        if place.type not in ("cuda", "cpu"):
            raise _missing(f"bitsandbytes is not known to work on {place.type}", "use --device cuda or cpu")
        from transformers import BitsAndBytesConfig

        # It warns at every matrix product that LLM.int8() rounds, and of optional kernels on the hub.
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
        if self.quantize == "8bit":
            return BitsAndBytesConfig(load_in_8bit=True)
        return BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type=self.four_bits, bnb_4bit_compute_dtype=torch.bfloat16
        )

    def _chosen(self, auto_class: Any, config: Any, place: torch.device, dtype: Any) -> str | None:
        flash = place.type == "cuda" and is_flash_attn_2_available()
        if self.attention == "flash_attention_2" and not flash:
            raise _no_flash(place)
        if self.attention != "auto":
            return self.attention
        half = (getattr(config, "dtype", None) if dtype == "auto" else dtype) in HALF
        return "flash_attention_2" if flash and half and _knows_flash(auto_class, config) else None


def find_bitsandbytes() -> None:
    """Raise ``Missing`` if what holds weights in fewer bits is not installed; nothing is imported."""
    if importlib.util.find_spec("bitsandbytes") is None:
        raise _missing("bitsandbytes is not installed", "pip install 'detox-cli[quantize]'")


def _knows_flash(auto_class: Any, config: Any) -> bool:
    """Whether the class that ``auto_class`` would make has FlashAttention; not so for remote code."""
    kind = auto_class._model_mapping.get(type(config), None)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return all(getattr(item, "_supports_flash_attn", False) for item in kinds)


def _no_flash(place: torch.device) -> Missing:
    if place.type != "cuda":
        what = f"FlashAttention 2 needs a GPU, and the model is on the {place.type}"
        return Missing(what, where="--attention", hint="give --attention auto")
    hint = "pip install flash-attn --no-build-isolation, or give --attention auto"
    return Missing("FlashAttention 2 is not installed", where="--attention", hint=hint)


def _missing(what: str, hint: str) -> Missing:
    return Missing(what, where="--quantize", hint=hint)
