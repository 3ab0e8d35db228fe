"""Preferences from files, folders, zip files and data sets, whatever form each has."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from detox_cli.data.columns import told_columns
from detox_cli.data.json_records import json_line_records
from detox_cli.data.lines import decoded_lines
from detox_cli.data.preferences.forms import Fault, Form, form_of, language_of, mapped, origin_of
from detox_cli.data.preferences.preference import Preference, group_of, plain
from detox_cli.data.readers.archive import members
from detox_cli.data.readers.rtp_lx import is_rtp_lx, source_by_index, sources_by_index
from detox_cli.data.reading import Row, columns_of, pick_column, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.data.where.choosing import UNFIT, why_left_out
from detox_cli.data.where.parse import Rule
from detox_cli.errors import BadData

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
FIRST_ROWS = 100
"""Rows whose columns tell the form."""


@dataclass(frozen=True)
class Found:
    """What one source holds.

    Attributes:
        name: The source as the user named it.
        forms: Rows of each form.
        preferences: Of all its files.
        left_out: Rows that the rule leaves out, by reason.
    """

    name: str
    forms: Counter[str] = field(default_factory=Counter)
    preferences: list[Preference] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def read_preferences(
    source: str,
    rejects: Rejects,
    *,
    columns: Mapping[str, str] | None = None,
    password: str | None = None,
    split: str = "train",
    limit: int | None = None,
    rule: Rule | None = None,
    file: int = 0,
) -> Found:
    """Read the preferences of one source.

    Args:
        source: A file, ``-``, the id of a data set, a folder of files or of a data set, or a zip file.
        rejects: Takes rows without a prompt or without one of the continuations.
        columns: What the user calls ``prompt``, ``chosen`` and ``rejected``; else the columns tell the form.
        password: Of a zip file.
        split: The part to read of a data set.
        limit: Stop after so many rows of each file.
        rule: Which rows to use. A row beside RTP-LX's own files has the columns of its prompt there too.
        file: The number of this source.

    Raises:
        BadData: Nothing can be read, or no file in it holds preferences.
        BadSettings: The password of a zip file is missing or wrong.
        Missing: A data set cannot be had.
    """
    parts = [(name, rows[:limit]) for name, rows in _parts(source, rejects, password, split)]
    prompts = _known_prompts(rows for _, rows in parts)
    by_index = sources_by_index(row.values for _, rows in parts for row in rows if is_rtp_lx(row.values))
    found, several = Found(source), len(parts) > 1
    for name, rows in parts:
        form = mapped(columns) if columns else form_of(columns_of(rows[:FIRST_ROWS]))
        if form is None or not form.fits(columns_of(rows[:FIRST_ROWS])):
            if not several:
                raise _unknown(source, rows, columns)
            continue
        found.forms[form.name] += len(rows)
        prefix = f"{Path(name).name}:" if several else ""
        chosen = rows if rule is None else _chosen(rows, form, prompts, rule, name, rejects, found.left_out)
        origin = partial(_origin, prompts=prompts, by_index=by_index)
        found.preferences.extend(_preferences(chosen, form, origin, rejects, prefix, file))
    if not found.preferences and not found.left_out:
        raise _nothing(source, found, rejects)
    return found


def _parts(
    source: str, rejects: Rejects, password: str | None, split: str
) -> Iterator[tuple[str, list[Row]]]:
    path = Path(source)
    if path.suffix.lower() == ".zip":
        for name, content in members(path, password):
            if Path(name).suffix in (".jsonl", ".json"):
                where = f"{path.name}/{name}"
                records = json_line_records(decoded_lines(content, where), where, rejects)
                yield name, [Row(str(n), values, place) for n, (place, values) in enumerate(records, 1)]
        return
    files = sorted(item for item in path.iterdir() if item.suffix in SUFFIXES) if path.is_dir() else []
    if files and not (path / "dataset_dict.json").exists() and not (path / "state.json").exists():
        yield from ((item.name, read_rows(str(item), rejects)) for item in files)
    else:
        yield source, read_rows(source, rejects, split=split)


def _known_prompts(parts: Iterable[Sequence[Row]]) -> dict[str, Row]:
    """What RTP-LX says of its prompts, by their text, for files of pairs beside its own files."""
    found: dict[str, Row] = {}
    for rows in parts:
        for row in rows:
            text = row.values.get("Prompt")
            if isinstance(text, str) and "Locale" in row.values:
                found[group_of(text)] = row
    return found


def _chosen(
    rows: Sequence[Row],
    form: Form,
    prompts: Mapping[str, Row],
    rule: Rule,
    name: str,
    rejects: Rejects,
    left_out: Counter[str],
) -> list[Row]:
    """The rows for which the rule holds; ``left_out`` counts the others."""
    kept, columns = [], dict.fromkeys(columns_of(rows))
    for row in rows:
        texts = form.read(row.values)
        known = None if isinstance(texts, Fault) else prompts.get(group_of(texts[0]))
        whole = row if known is None else replace(row, values={**known.values, **row.values})
        columns.update(dict.fromkeys(whole.values))
        reason = why_left_out(rule, whole, rejects)
        if reason is None:
            kept.append(row)
        elif reason != UNFIT:
            left_out[reason] += 1
    rule.check_columns(columns, name)
    return kept


def _preferences(
    rows: Sequence[Row],
    form: Form,
    origin: Callable[[Row, str], str],
    rejects: Rejects,
    prefix: str,
    file: int,
) -> Iterator[Preference]:
    for row in rows:
        texts = form.read(row.values)
        if not isinstance(texts, Fault) and any(not plain(text).strip() for text in texts[1:]):
            texts = Fault("a continuation is empty")
        if isinstance(texts, Fault):
            rejects.add(row.where, texts.reason, dict(row.values))
            continue
        group = origin(row, group_of(texts[0]))
        yield Preference(prefix + row.id, *texts, language_of(row), group, row.where, file)


def _origin(row: Row, key: str, prompts: Mapping[str, Row], by_index: Mapping[int, str]) -> str:
    """The text that a prompt was translated from, by its own row or RTP-LX's; else the prompt itself."""
    for one in (row, prompts.get(key)):
        if one is not None and (found := origin_of(one) or source_by_index(one.values, by_index)):
            return found
    return key


def with_own_ids(found: Sequence[Found]) -> list[Preference]:
    """The preferences of all sources; where there are several, their number goes before every id."""
    if len(found) == 1:
        return found[0].preferences
    return [replace(one, id=f"{one.file + 1}:{one.id}") for each in found for one in each.preferences]


def _unknown(source: str, rows: Sequence[Row], columns: Mapping[str, str] | None) -> BadData:
    if columns:
        for name in columns.values():  # the first that is missing is the message, with its nearest neighbour
            pick_column(rows, name, (), source, flag="--map")
    there = told_columns(columns_of(rows[:FIRST_ROWS]))
    hint = f"name them with --map prompt=…,chosen=…,rejected=…; {there}"
    return BadData("holds no known form of preferences", where=source, hint=hint)


def _nothing(source: str, found: Found, rejects: Rejects) -> BadData:
    if not found.forms:
        hint = "name a file with prompt, chosen and rejected"
        return BadData("no file in it holds preferences", where=source, hint=hint)
    reason = rejects.by_reason.most_common(1)[0][0]
    return BadData(f"none of its rows is a preference: {reason}", where=source, hint="correct the file")
