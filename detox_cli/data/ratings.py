"""People's ratings of rewriting systems, as TextDetox at CLEF 2024 published them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from detox_cli.data.reading import Row, pick_column, read_rows, text_fault
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData

LANGUAGES = {
    "amharic": "am",
    "arabic": "ar",
    "chinese": "zh",
    "english": "en",
    "german": "de",
    "hindi": "hi",
    "russian": "ru",
    "spanish": "es",
    "ukrainian": "uk",
}
SCORES = ("toxic_pairwise_score", "content_score", "fluency_score")
"""The output is the less toxic of the two (equal: .5); its content is the same; it is no less fluent."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What people said of one output; every score lies in [0, 1]."""

    system: str
    lang: str
    source: str
    output: str
    toxicity: float
    content: float
    fluency: float
    where: str


def read_ratings(path: Path, rejects: Rejects) -> list[Rating]:
    """Read ratings: one table with a column ``system``, or a folder with ``SYSTEM/LANGUAGE.tsv``.

    Rows are told apart by system, language and source text without outer white space: the ids in the
    published files stand for different sources in different files.

    Raises:
        BadData: There is no such place, it holds no ratings, or a system is rated twice on one source.
    """
    if not path.exists():
        raise BadData(
            "there is no such file or folder", where=str(path), hint="name the ratings of CLEF 2024"
        )
    found: dict[tuple[str, str, str], Rating] = {}
    for file in files_of(path):
        for rating in _ratings_of(file, None if path.is_file() else file.parent.name, rejects):
            key = (rating.system, rating.lang, rating.source)
            if (other := found.setdefault(key, rating)) is not rating:
                raise BadData(
                    f"system {rating.system!r} is rated twice on one source, first at {other.where}",
                    where=rating.where,
                    hint="leave one of the two ratings",
                )
    if not found:
        raise BadData("holds no ratings", where=str(path), hint="every row lacks a text or a score")
    return list(found.values())


def files_of(path: Path) -> list[Path]:
    """The table, or the files ``SYSTEM/LANGUAGE.tsv`` in the folder or in a folder in it."""
    if path.is_file():
        return [path]
    if files := sorted(path.glob("*/*.tsv")) or sorted(path.glob("*/*/*.tsv")):
        return files
    raise BadData(
        "has no files SYSTEM/LANGUAGE.tsv",
        where=str(path),
        hint="name the folder human_evaluation_results, or one table with a column 'system'",
    )


def _ratings_of(file: Path, system: str | None, rejects: Rejects) -> list[Rating]:
    rows = read_rows(str(file), rejects)
    for column in ("toxic_sentence", *SCORES, *(["system"] if system is None else [])):
        pick_column(rows, column, (), str(file))
    found = []
    for row in rows:
        if (fault := _fault(row.values)) is not None:
            rejects.add(row.where, fault, dict(row.values))
        else:
            found.append(_rating(row, system, file))
    return found


def _fault(values: Mapping[str, object]) -> str | None:
    if fault := text_fault(values.get("toxic_sentence")):
        return f"column 'toxic_sentence' {fault}"
    if not isinstance(values.get("neutral_sentence"), str | None):
        return "column 'neutral_sentence' is not text"
    bad = [name for name in SCORES if _score(values.get(name)) is None]
    return f"column {bad[0]!r} is no number from 0 to 1" if bad else None


def _score(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None


def _rating(row: Row, system: str | None, file: Path) -> Rating:
    values = row.values
    toxicity, content, fluency = (float(str(values[name])) for name in SCORES)
    return Rating(
        system=system or str(values["system"]),
        lang=_language(values.get("lang"), file.stem, row.where),
        source=str(values["toxic_sentence"]).strip(),
        output=str(values.get("neutral_sentence") or "").strip(),
        toxicity=toxicity,
        content=content,
        fluency=fluency,
        where=row.where,
    )


def _language(stated: object, stem: str, where: str) -> str:
    """A two-letter code from the row, or else from the file's name."""
    for name in (str(stated or "").strip().lower(), stem.lower()):
        code = LANGUAGES.get(name, name)
        if code in LANGUAGES.values():
            return code
    raise BadData(
        "neither its column 'lang' nor the file's name says its language",
        where=where,
        hint=f"the languages are {', '.join(sorted(LANGUAGES.values()))}",
    )
