"""What can be wrong with a rewrite, seen from the text alone; each finding is a flag that the row keeps."""

from typing import Literal

from detox_cli.data.splits import text_key
from detox_cli.generation.requests import FinishReason
from detox_cli.generation.rewrite_refusals import RefusalRule, is_refusal

QualityFlag = Literal["refusal", "empty", "copy", "truncated", "too_long"]

LONGEST_RATIO = 2.0
LENGTH_SLACK = 5
"""A rewrite of more than twice the source's words plus five explains or invents."""


def quality_flags(
    output: str, source: str, finish_reason: FinishReason, refused: RefusalRule = is_refusal
) -> list[QualityFlag]:
    """The flags of one rewrite, in a fixed order; none means that it may be trained on."""
    found: dict[QualityFlag, bool] = {
        "refusal": refused(output, source),
        "empty": not text_key(output),
        "copy": bool(text_key(output)) and text_key(output) == text_key(source),
        "truncated": finish_reason == "length",
        "too_long": len(output.split()) > LONGEST_RATIO * len(source.split()) + LENGTH_SLACK,
    }
    return [flag for flag, present in found.items() if present]
