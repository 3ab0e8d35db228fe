"""Sentences and their translations, from tables with a column for each language or from RTP-LX."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detox_cli.data.columns import told_columns
from detox_cli.data.json_records import json_line_records
from detox_cli.data.lines import decoded_lines
from detox_cli.data.readers.archive import members
from detox_cli.data.readers.prompt import parallel
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.readers.rtp_lx import is_rtp_lx
from detox_cli.data.reading import Row, columns_of, read_rows, text_fault
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData

CODE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*", re.IGNORECASE)
NO_LANGUAGES = frozenset({"id"})
"""Columns of these names are ids where other columns are languages too, unless they hold text."""


@dataclass
class Pairs:
    """Sentences of the pivot and of another language, one to one.

    Attributes:
        lang: The other language.
        texts: ``(pivot sentence, its translation)``.
        repeated: How many pairs were left out because one of their sentences is in a pair before.
    """

    lang: str
    texts: list[tuple[str, str]] = field(default_factory=list)
    repeated: int = 0


def read_parallel(
    files: Sequence[str],
    pivot: str,
    languages: Sequence[str],
    limit: int | None,
    password: str | None,
    rejects: Rejects,
) -> list[Pairs]:
    """Every language that has sentences beside the pivot's, in alphabetical order.

    A sentence counts once in its language: two copies could never be told apart by what they mean.

    Raises:
        BadData: A file cannot be read, the pivot or a language that was asked for has no parallel rows.
    """
    found: dict[str, Pairs] = {}
    seen: dict[str, set[tuple[int, str]]] = {}
    for file in files:
        for row in by_language(file, password, rejects):
            here = row.get(pivot)
            for lang, text in row.items():
                if lang == pivot or here is None:
                    continue
                pairs, before = found.setdefault(lang, Pairs(lang)), seen.setdefault(lang, set())
                keys = {(0, here), (1, text)}
                if limit is not None and len(pairs.texts) >= limit:
                    continue
                if keys & before:
                    pairs.repeated += 1
                else:
                    before |= keys
                    pairs.texts.append((here, text))
    return _wanted(found, languages, pivot, files)


def _wanted(
    found: Mapping[str, Pairs], languages: Sequence[str], pivot: str, files: Sequence[str]
) -> list[Pairs]:
    there = {lang: pairs for lang, pairs in sorted(found.items()) if len(pairs.texts) > 1}
    where = ", ".join(files)
    asked = [code.lower() for code in languages]
    lacking = [code for code in asked if not any(_same(code, lang) for lang in there)]
    single = [lang for lang, one in found.items() if len(one.texts) == 1]
    if lonely := [lang for lang in single if not there or any(_same(code, lang) for code in lacking)]:
        raise BadData(
            f"holds one sentence pair of {pivot} and {', '.join(sorted(lonely))}; 2 are the least",
            where=where,
            hint="give more parallel rows",
        )
    if not there:
        raise BadData(
            f"no language has parallel rows with {pivot}",
            where=where,
            hint="give a column for each language, or another --pivot",
        )
    if lacking:
        hint = f"parallel with {pivot} are {', '.join(there)}"
        raise BadData(f"holds no parallel rows in {', '.join(lacking)}", where=where, hint=hint)
    return [pairs for lang, pairs in there.items() if not asked or any(_same(code, lang) for code in asked)]


def _same(code: str, lang: str) -> bool:
    return code in (lang, lang.partition("-")[0])


def inputs_of(files: Sequence[str]) -> list[str | Path]:
    """What a manifest lists of such files: of one in a zip the zip."""
    return list(dict.fromkeys(archive_of(file) or file for file in files))


def archive_of(file: str) -> Path | None:
    """The zip file that a file is in, if it is named as one in a zip: ``ARCHIVE.zip/FILE``."""
    parts = Path(file).parents
    return next((part for part in parts if part.suffix.lower() == ".zip" and part.is_file()), None)


def by_language(file: str, password: str | None, rejects: Rejects) -> Iterator[dict[str, str]]:
    """Every row of a file as language -> text.

    Raises:
        BadData: It cannot be read, or has no two columns that are named by languages.
    """
    path = Path(file)
    archive = archive_of(file)
    if archive is not None:
        yield from _table(_member(archive, file, password, rejects), file, rejects)
    elif path.is_dir() or path.suffix.lower() == ".zip":
        yield from _of_prompts(file, password, rejects)
    else:
        rows = read_rows(file, rejects)
        if is_rtp_lx(rows[0].values):
            yield from _of_prompts(file, password, rejects)
        else:
            yield from _table(rows, file, rejects)


def _of_prompts(file: str, password: str | None, rejects: Rejects) -> Iterator[dict[str, str]]:
    for langs in parallel(read_prompts(file, rejects, password=password)).values():
        yield {lang: prompt.text for lang, prompt in langs.items()}


def _member(archive: Path, file: str, password: str | None, rejects: Rejects) -> list[Row]:
    inside = Path(file).relative_to(archive).as_posix()
    content = next((data for name, data in members(archive, password) if name == inside), None)
    if content is None:
        raise BadData(f"has no member {inside}", where=str(archive), hint="see what is in it: unzip -l")
    records = json_line_records(decoded_lines(content, file), file, rejects)
    return [Row(str(number), values, where) for number, (where, values) in enumerate(records, start=1)]


def _table(rows: Sequence[Row], file: str, rejects: Rejects) -> Iterator[dict[str, str]]:
    columns = [name for name in columns_of(rows) if CODE.fullmatch(name)]
    columns = [name for name in columns if name not in NO_LANGUAGES or _is_text(rows, name)]
    if len(columns) < 2:
        raise BadData(
            "has no two columns named by languages, such as en and de",
            where=file,
            hint=told_columns(columns_of(rows)),
        )
    for row in rows:
        texts = {name.lower(): row.values.get(name) for name in columns}
        kept = {lang: text for lang, text in texts.items() if isinstance(text, str) and not text_fault(text)}
        if len(kept) < 2:
            rejects.add(row.where, "has a text in fewer than two languages", dict(row.values))
        else:
            yield kept


def _is_text(rows: Sequence[Row], name: str) -> bool:
    """Whether a column holds sentences: ids have no blanks."""
    return any(" " in str(row.values.get(name) or "") for row in rows)
