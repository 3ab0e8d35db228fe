"""Pieces of texts that a detector could name, in blocks that a killed run finds again."""

from collections.abc import Mapping
from typing import Any

from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.scoring.spans.detector import SpanDetector
from detox_cli.scoring.spans.span import Span, at_least, joined, strongest
from detox_cli.scoring.spans.words import whole_words

TEXTS_AT_ONCE = 256
"""Texts between two entries in the journal. Blocks depend on all texts alone, so that a detector reads each
in the same company, and gives it the same bits, however often it was stopped."""
Found = dict[str, list[Span]]


def candidates(
    detector: SpanDetector,
    texts: Mapping[str, str],
    journal: Journal | None,
    progress: Progress,
    label: str,
) -> Found:
    """Every piece of each text that could be named, by id.

    Args:
        detector: Looks at them.
        texts: By the id of their record.
        journal: Has the blocks that are done, under ``label``, and gets the others.
        progress: Told how far it is.
        label: What is done, different each time within one journal.
    """
    found: Found = {}
    for record in journal.records() if journal is not None else ():
        if record["step"] == label:
            found |= {name: [Span(*span) for span in spans] for name, spans in record["found"].items()}
    names = list(texts)
    with progress.task(label, len(names), sum(name in found for name in names)) as task:
        for start in range(0, len(names), TEXTS_AT_ONCE):
            block = names[start : start + TEXTS_AT_ONCE]
            if block[0] in found:
                continue
            spans = detector.candidates([texts[name] for name in block])
            fresh: dict[str, Any] = dict(zip(block, spans, strict=True))
            found |= fresh
            if journal is not None:
                journal.append({"step": label, "found": fresh})
            task.advance(len(block))
    return found


def chosen(text: str, pieces: list[Span], threshold: float, lower: float | None) -> tuple[list[Span], str]:
    """The toxic spans of a text, and by which limit: ``threshold``, ``lower``, ``strongest`` or ``none``.

    Where no piece reaches the threshold those are taken that reach the lower one; then the one piece with the
    highest score, if that is above 0.
    """
    limits = {"threshold": threshold} if lower is None else {"threshold": threshold, "lower": lower}
    for way, limit in limits.items():
        if some := at_least(pieces, limit):
            return _whole(text, some), way
    best = [span for span in strongest(pieces) if span.score > 0]
    return _whole(text, best), "strongest" if best else "none"


def _whole(text: str, spans: list[Span]) -> list[Span]:
    return joined(text, whole_words(text, spans))
