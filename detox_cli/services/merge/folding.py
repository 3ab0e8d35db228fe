"""Model plus adapter beside the folded model: the same logits, but for rounding."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from detox_cli.errors import BadData
from detox_cli.models.adapters import Adapter, with_adapter
from detox_cli.services.merge.result import Folded

TEXTS = (
    "The weather is lovely today, and the train was on time.",
    "Please read the second page before you answer, and take your time.",
    "What I would have said instead is that nobody had asked for it.",
    "In 2019 the committee published 14 reports; none of them was read twice.",
)
ROUNDING = {"F64": 1e-4, "F32": 1e-4, "F16": 1e-2, "BF16": 5e-2}
"""How far logits may move by rounding the weights once, in standard deviations of the logits."""


def compare_logits(base: Path, adapter: Adapter, folded: Path, types: Mapping[str, str]) -> Folded:
    """Run a few texts through the base, the base with the adapter, and the folded model, in float32.

    Raises:
        BadData: The model is none that transformers can run as a language model.
    """
    texts = _encoded(base)
    model = _load(base)
    without = [_logits(model, ids) for ids in texts]
    adapted = with_adapter(model, adapter, merge=False)
    wanted = [_logits(adapted, ids) for ids in texts]
    del model, adapted
    merged = _load(folded)
    found = [_logits(merged, ids) for ids in texts]
    spread = float(torch.cat(wanted).std())
    return Folded(
        texts=len(texts),
        tokens=sum(len(logits) for logits in wanted),
        effect=_largest(wanted, without),
        difference=_largest(found, wanted),
        spread=spread,
        limit=spread * max(ROUNDING[dtype] for dtype in types.values()),
    )


def _load(folder: Path) -> Any:
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model = auto.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise BadData(f"cannot be run: {reason}", where=str(folder), hint="add --no-compare") from error
    return model.eval()


def _encoded(folder: Path) -> list[torch.Tensor]:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise BadData(
            "has no tokenizer to compare with", where=str(folder), hint="add --no-compare"
        ) from error
    return [tokenizer(text, return_tensors="pt").input_ids for text in TEXTS]


@torch.inference_mode()
def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """``[tokens, vocabulary]`` for one text ``[1, tokens]``, which both sides of an encoder-decoder read."""
    decoder = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    logits: torch.Tensor = model(input_ids=ids, **decoder).logits[0].float()
    return logits


def _largest(ones: list[torch.Tensor], others: list[torch.Tensor]) -> float:
    return max(float((one - other).abs().max()) for one, other in zip(ones, others, strict=True))
