"""What is known: how well languages are retrieved, and what a detoxification did in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from detox_cli.errors import BadData
from detox_cli.services.probe.kept import SUMMARY
from detox_cli.services.probe_retrieval.effect import LEAST
from detox_cli.services.probe_retrieval.result import LanguageRetrieval, ProbeRetrievalResult

AGAIN = "make it with detox probe retrieval"


@dataclass(frozen=True)
class Point:
    """A language of one model whose effect is known.

    Attributes:
        model: The folder that tells of it.
        lang: Its code, without a script: ``zh-hans`` is ``zh``.
        retrieved: Every figure of retrieval.
        effect: What the detoxification did.
    """

    model: str
    lang: str
    retrieved: LanguageRetrieval
    effect: float

    def value(self, measure: str) -> float:
        """A measure of retrieval."""
        return self.retrieved.figures[measure].mean


def read_retrieval(folder: Path) -> ProbeRetrievalResult:
    """What ``probe retrieval`` wrote.

    Raises:
        BadData: The folder is not of that command, or its summary is damaged.
    """
    place = folder / SUMMARY
    if not place.is_file():
        raise BadData("is no folder of probe retrieval", where=str(folder), hint=AGAIN)
    try:
        return ProbeRetrievalResult.model_validate_json(place.read_text(encoding="utf-8"))
    except (ValidationError, ValueError) as error:
        raise BadData("is no summary of probe retrieval", where=str(place), hint=AGAIN) from error


def points_of(folders: Sequence[Path], target: ProbeRetrievalResult, where: Path) -> list[Point]:
    """Every language with an effect, of all folders; those of the target itself if none are given.

    Raises:
        BadData: Folders were measured otherwise than the target, or fewer than four languages have an effect.
    """
    read = {str(folder): read_retrieval(folder) for folder in folders} or {str(where): target}
    for name, one in read.items():
        for what in ("pivot", "pooling"):
            theirs, ours = getattr(one, what), getattr(target, what)
            if theirs != ours:
                raise BadData(
                    f"was measured with {what} {theirs}, and {where} with {ours}",
                    where=name,
                    hint="measure both alike: detox probe retrieval",
                )
    points = [point for name, one in read.items() for point in points_in(name, one)]
    if (count := len({one.lang for one in points})) < LEAST:
        raise BadData(
            f"{count} languages have an effect; {LEAST} are the least",
            where=", ".join(read),
            hint="measure retrieval with --effect BEFORE --effect AFTER",
        )
    return points


def points_in(name: str, retrieval: ProbeRetrievalResult) -> list[Point]:
    """Every language of a folder that has an effect."""
    return [
        Point(name, lang.lang.partition("-")[0], lang, lang.effect)
        for lang in retrieval.languages
        if lang.effect is not None
    ]


def usual_pairs(languages: Sequence[LanguageRetrieval]) -> int:
    """The median number of sentence pairs, among which a translation had to be found."""
    counts = sorted(one.pairs for one in languages)
    return counts[len(counts) // 2]
