"""Which languages a scorer can read: known for the bundled and the published ones, else as its card says."""

import re
from collections.abc import Iterable
from pathlib import Path

from detox_cli.models.sources import MINIATURES
from detox_cli.scoring.calibration import ALL, read_calibration
from detox_cli.scoring.perspective import LANGUAGES as PERSPECTIVE
from detox_cli.scoring.perspective_answers import ENGLISH_ONLY, language_code
from detox_cli.scoring.spec import AUTO, Spec, parse_spec

ENGLISH = frozenset({"en"})
CLEF = frozenset({"am", "ar", "de", "en", "es", "hi", "ru", "uk", "zh"})
"""The languages of TextDetox 2024."""

KNOWN: dict[str, frozenset[str] | None] = {
    "builtin:lexicon": ENGLISH,
    "detoxify:original": ENGLISH,
    "detoxify:original-small": ENGLISH,
    "detoxify:unbiased": ENGLISH,
    "detoxify:unbiased-small": ENGLISH,
    "detoxify:multilingual": frozenset({"en", "es", "fr", "it", "pt", "ru", "tr"}),
    "hf:s-nlp/roberta_toxicity_classifier": ENGLISH,
    "hf:cointegrated/roberta-large-cola-krishna2020": ENGLISH,
    "hf:Elron/bleurt-large-128": ENGLISH,
    "hf:textdetox/xlmr-large-toxicity-classifier": CLEF,
    "hf:textdetox/xlmr-large-toxicity-classifier-v2": CLEF | {"fr", "he", "hin", "it", "ja", "tt"},
}
"""As their model cards say. LaBSE and XCOMET read about a hundred languages and are not listed."""


def languages_of(spec: str) -> frozenset[str] | None:
    """The two-letter codes of the languages that the scorer called ``spec`` reads; ``None`` if nobody says.

    A folder, a bundled one too, says so by ``language:`` at the head of its README.md, as model cards on the
    hub do. An ensemble
    reads what all its members read, a calibrated scorer those languages for which it has evidence.

    Raises:
        BadSettings: This is no scorer's name. Missing or BadData: Its calibration cannot be read.
    """
    name = parse_spec(spec)
    if name.members:
        return common(name.members)
    if name.kind == "perspective":
        return _read_by_perspective(name)
    if name.kind == "calibrated":
        return (
            frozenset({name.label}) - {ALL} if name.label else read_calibration(name.target).languages or None
        )
    known = KNOWN.get(f"{name.kind}:{name.target}")
    folders = {"hf": Path(name.target), "builtin": MINIATURES / name.target}
    return (
        known if known is not None or name.kind not in folders else _stated(folders[name.kind] / "README.md")
    )


def _read_by_perspective(name: Spec) -> frozenset[str] | None:
    """Of recorded answers nobody says; a few attributes are English only."""
    asked = language_code(name.target)
    if asked != AUTO and asked not in PERSPECTIVE:
        return None
    reads = PERSPECTIVE if asked == AUTO else frozenset({asked})
    return reads & ENGLISH if (name.label or "").upper() in ENGLISH_ONLY else reads


def common(specs: Iterable[str]) -> frozenset[str] | None:
    """The languages that all scorers read; one of which nobody says forbids none. ``None`` if all are so."""
    stated = [found for spec in specs if (found := languages_of(spec)) is not None]
    return frozenset.intersection(*stated) if stated else None


def _stated(card: Path) -> frozenset[str] | None:
    """``language: en`` or a list of languages, between the two lines ``---`` that begin a card."""
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    head = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    field = re.search(r"^language:(.*(?:\n[ ]*-.*)*)", head.group(1), re.MULTILINE) if head else None
    return frozenset(re.findall(r"[a-z]{2,3}\b", field.group(1))) or None if field else None
