"""What ``eval rewrite`` compares: systems' rewrites with their sources and references, and baselines."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from detox_cli.data.named import named_file
from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.reading import Row, columns_of, pick_column, read_rows, text_fault
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.scoring.lexicon import Lexicon

TOXIC = ("toxic", "source", "en_toxic_comment", "toxic_sentence", "toxic_comment", "text", "prompt")
OUTPUT = (
    "output",
    "generated_neutral_sentence",
    "completion",
    "generation",
    "prediction",
    "rewrite",
    "neutral",
)
OUTPUT_OR_REFERENCE = ("neutral_sentence", "neutral_comment", "en_neutral_comment", "neutral1")
"""Columns of the published formats, in order. The last ones hold a system's output in submissions and human
rewrites in data sets: they are outputs only where no column is one for certain."""
REFERENCES = ("references", "reference", "neutral1", "neutral2", "neutral3", "en_neutral_comment")


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a system."""

    id: str
    source: str
    output: str
    references: tuple[str, ...]
    lang: str | None
    flagged: bool
    where: str
    abstained: bool = False


@dataclass(frozen=True)
class System:
    """A system's rewrites, or a baseline's."""

    name: str
    items: tuple[Item, ...]
    baseline: bool = False
    own_ids: bool = False


@dataclass(frozen=True)
class Columns:
    """The names of columns that the user gave; ``None`` or empty where they are to be found.

    ``abstain_text`` is the output that declines a source.
    """

    toxic: str | None = None
    output: str | None = None
    references: tuple[str, ...] = ()
    abstain_text: str | None = None


def read_systems(files: Sequence[str], columns: Columns, rejects: Rejects, limit: int | None) -> list[System]:
    """Read one system per file; the same id must stand for the same source in all of them.

    Raises:
        BadData: A column is not there, no row is usable, or two files disagree about a source.
    """
    systems = [
        read_system(name, file, columns, rejects, limit) for name, file in files_by_system(files).items()
    ]
    _check_same_sources(systems)
    return systems


def read_system(name: str, file: str, columns: Columns, rejects: Rejects, limit: int | None) -> System:
    """Read the rows of one system. A row without a source is rejected; an empty output is an output."""
    rows = read_rows(file, rejects, limit=limit)
    toxic = pick_column(rows, columns.toxic, TOXIC, file, flag="--toxic-column")
    known = [name for name in (*OUTPUT, *OUTPUT_OR_REFERENCE) if name != toxic]
    output = pick_column(rows, columns.output, known, file, flag="--output-column")
    references = _reference_columns(rows, columns, output, file)
    found = [(_item(row, toxic, output, references, rejects), row) for row in rows]
    items = [_as_declined(item, row, columns.abstain_text) for item, row in found if item is not None]
    if not items:
        raise BadData(
            f"none of its {len(rows)} rows has a source and an output",
            where=file,
            hint="name the columns, or correct the rows",
        )
    return System(name, tuple(items), own_ids=all("id" in row.values for row in rows))


def with_references(
    systems: Sequence[System], file: str, rejects: Rejects
) -> tuple[list[System], Literal["id", "source text"]]:
    """Add the human rewrites of ``file`` to the rows, and say how they were joined.

    Ids join where all files have ids of their own and share some; otherwise the source text does, and rows of
    the file that have the same source share their references.

    Raises:
        BadData: An id stands for different sources, or nothing joins.
    """
    pairs = read_pairs(file, rejects)
    if all(system.own_ids for system in systems) and all("id" in pair.values for pair in pairs):
        by_id = {pair.id: pair for pair in pairs}
        shared = [item for system in systems for item in system.items if item.id in by_id]
        _check_sources_of(shared, by_id)
        if shared:
            found = {key: pair.references for key, pair in by_id.items()}
            return [_joined(system, found, lambda item: item.id) for system in systems], "id"
    by_text = _references_by_text(pairs)
    if not any(_text(item.source) in by_text for system in systems for item in system.items):
        raise BadData(
            "shares neither ids nor sources with the rewrites", where=file, hint="name another file"
        )
    return [_joined(system, by_text, lambda item: _text(item.source)) for system in systems], "source text"


def baselines(systems: Sequence[System], lexicon: Lexicon) -> list[System]:
    """Copying the source, deleting listed words from it, and (where there are any) the first reference."""
    items: dict[str, Item] = {}
    for item in (item for system in systems for item in system.items):
        items.setdefault(item.id, replace(item, flagged=False, abstained=False))
    copied = [replace(item, output=item.source) for item in items.values()]
    deleted = [replace(item, output=lexicon.delete(item.source)) for item in items.values()]
    human = [replace(item, output=item.references[0]) for item in items.values() if item.references]
    made = {"copy (baseline)": copied, "delete (baseline)": deleted, "references": human}
    return [System(name, tuple(rows), baseline=True) for name, rows in made.items() if rows]


def files_by_system(texts: Sequence[str]) -> dict[str, str]:
    """The file of each system by the system's name: as given in ``NAME=FILE``, else the file's own.

    Where the short names of files do not differ, they are called as they were given.

    Raises:
        BadData: A file or a name is given twice.
    """
    given, files = zip(*map(named_file, texts), strict=True)
    short = [
        name or ("stdin" if file == "-" else Path(file).stem) for name, file in zip(given, files, strict=True)
    ]
    full = [name or file for name, file in zip(given, files, strict=True)]
    names = short if len(set(short)) == len(short) else full
    for things in (files, names):
        if repeated := [thing for thing, count in Counter(things).items() if count > 1]:
            raise BadData("is given twice", where=repeated[0], hint="give every system once")
    return dict(zip(names, files, strict=True))


def _check_same_sources(systems: Sequence[System]) -> None:
    first: dict[str, Item] = {}
    for item in (item for system in systems for item in system.items):
        other = first.setdefault(item.id, item)
        if _text(other.source) != _text(item.source):
            raise BadData(
                f"row {item.id!r} has another source than {other.where}",
                where=item.where,
                hint="give the rows of all systems the same ids",
            )


def _reference_columns(rows: Sequence[Row], columns: Columns, output: str, file: str) -> list[str]:
    if columns.references:
        return [pick_column(rows, name, (), file, flag="--reference-columns") for name in columns.references]
    there = columns_of(rows)
    return [name for name in REFERENCES if name in there and name != output]


def _item(row: Row, toxic: str, output: str, references: Iterable[str], rejects: Rejects) -> Item | None:
    fault = text_fault(row.values.get(toxic))
    written = row.values.get(output)
    if fault or not isinstance(written, str | None):
        reason = f"column {toxic!r} {fault}" if fault else f"column {output!r} is not text"
        rejects.add(row.where, reason, dict(row.values))
        return None
    lang = row.values.get("lang")
    return Item(
        id=row.id,
        source=str(row.values[toxic]),
        output=written or "",
        references=_texts(row.values.get(name) for name in references),
        lang=lang if isinstance(lang, str) and lang else None,
        flagged=_is_flagged(row.values),
        where=row.where,
    )


def _as_declined(item: Item, row: Row, abstain_text: str | None) -> Item:
    """An answer that declines the source is no rewrite: it counts as an empty one, under its own name."""
    said = str(row.values.get("abstained")).lower() in ("true", "1")
    if said or (abstain_text is not None and item.output.split() == abstain_text.split()):
        return replace(item, output="", abstained=True)
    return item


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    """The texts among values, each of which may be a list of texts; each once."""
    flat = [text for value in values for text in (value if isinstance(value, list | tuple) else [value])]
    return tuple(dict.fromkeys(text for text in flat if isinstance(text, str) and text.strip()))


def _is_flagged(values: Mapping[str, object]) -> bool:
    """Whether the row says of itself that it is not to be used."""
    for column in ("flags", "dropped"):
        value = values.get(column)
        if value if not isinstance(value, str) else value.strip().lower() not in ("", "[]", "false", "0"):
            return True
    return False


def _text(text: str) -> str:
    return " ".join(text.split())


def _references_by_text(pairs: Iterable[Pair]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for pair in pairs:
        found.setdefault(_text(pair.toxic), {}).update(dict.fromkeys(pair.references))
    return {text: tuple(references) for text, references in found.items()}


def _check_sources_of(shared: Iterable[Item], by_id: Mapping[str, Pair]) -> None:
    for item in shared:
        if _text(item.source) != _text(by_id[item.id].toxic):
            raise BadData(
                f"row {item.id!r} has another source than {by_id[item.id].where}",
                where=item.where,
                hint="name references with the same ids, or remove their id column to join by source",
            )


def _joined(system: System, found: Mapping[str, tuple[str, ...]], key: Callable[[Item], str]) -> System:
    items = [
        replace(item, references=tuple(dict.fromkeys((*item.references, *found.get(key(item), ())))))
        for item in system.items
    ]
    return replace(system, items=tuple(items))
