"""Toxic spans out of a text, with everything around them left as it stands."""

from collections.abc import Iterable

from detox_cli.data.chains.record import MASK
from detox_cli.scoring.spans.span import Span, joined


def masked_text(text: str, spans: Iterable[Span]) -> str:
    """The text with one mask in place of each run of spans (CMD, section 3.2); case and spaces stay."""
    return MASK.join(_around(text, spans))


def visible_text(text: str, spans: Iterable[Span]) -> str:
    """What is left without the spans: what a scorer is asked about a masked text, to which marks are noise.

    Runs of white space are one space.
    """
    return " ".join(" ".join(_around(text, spans)).split())


def blanked(text: str, spans: Iterable[Span]) -> str:
    """The text with spaces in place of its spans: what is left keeps its places."""
    for span in spans:
        text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text


def mask_rate(text: str, spans: Iterable[Span]) -> float:
    """Masked characters by all characters, white space left out of both."""
    masked = sum(_letters(text[span.start : span.end]) for span in spans)
    return masked / max(1, _letters(text))


def _around(text: str, spans: Iterable[Span]) -> list[str]:
    parts, before = [], 0
    for span in joined(text, spans):
        parts.append(text[before : span.start])
        before = span.end
    return [*parts, text[before:]]


def _letters(text: str) -> int:
    return sum(not character.isspace() for character in text)
