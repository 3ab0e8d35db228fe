"""From the name of a prompt set to its prompts, whichever of the known forms it has."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from detox_cli.data.json_records import json_line_records
from detox_cli.data.json_text import parse_json
from detox_cli.data.lines import decoded_lines
from detox_cli.data.readers.archive import members
from detox_cli.data.readers.bold import bold_prompts, is_bold, nested_bold
from detox_cli.data.readers.plain import TEXT, plain_prompt
from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.readers.ptp import is_ptp, ptp_prompt
from detox_cli.data.readers.rtp import is_rtp, rtp_prompt
from detox_cli.data.readers.rtp_lx import is_rtp_lx, rtp_lx_prompt, source_by_index, sources_by_index
from detox_cli.data.readers.toxigen import is_toxigen, toxigen_prompt
from detox_cli.data.reading import Row, columns_of, pick_column, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.data.where.choosing import why_left_out
from detox_cli.data.where.parse import Rule
from detox_cli.errors import BadData, Missing

HUB = {"rtp": "allenai/real-toxicity-prompts", "bold": "AmazonScience/bold"}
"""Prompt sets that have a short name because a data set on the Hub holds them."""
NOT_ON_HUB = {
    "rtp-lx": "github.com/microsoft/RTP-LX has it in a zip file, and the password: name that file",
    "toxigen": "github.com/microsoft/TOXIGEN has the prompts: name a file of them, such as hate_asian_1k.txt",
}
RTP_LX_FILES = ("RTP_LX_*.json", "acs_results_*.json")

FoundPrompt = Prompt | str


def read_prompts(
    source: str,
    rejects: Rejects,
    *,
    column: str | None = None,
    password: str | None = None,
    split: str = "train",
    languages: Sequence[str] = (),
    limit: int | None = None,
    rule: Rule | None = None,
) -> list[Prompt]:
    """Read the prompts of a published set or of any file; its form is told by its columns.

    Args:
        source: ``rtp`` or ``bold`` (from the Hub), a file, a data set's id, or a folder or zip file of
            RTP-LX.
        rejects: Takes rows without a prompt, and rows whose id is used again.
        column: The column of the texts, for a file of no known form.
        password: Of a zip file.
        split: The part to read of a data set.
        languages: Keep only these codes, such as ``es``; all if empty.
        limit: The first so many prompts of each language.
        rule: Which rows to use; rows that it cannot be applied to are rejected.

    Raises:
        BadData: Nothing can be read, no row is such as ``rule`` wants it, or there is nothing in one of the
            languages.
        BadSettings: The zip file's password is wrong. Missing: a data set cannot be had.
    """
    if source in NOT_ON_HUB:
        raise Missing(f"{source} is not on the hub", where="--prompts", hint=NOT_ON_HUB[source])
    path = Path(source)
    if path.suffix.lower() == ".zip":
        found = _of_archive(path, password, rejects)
    elif path.is_dir() and (files := _rtp_lx_files([entry.name for entry in path.iterdir()])):
        found = _of_files([path / name for name in files], rejects)
    elif path.name.endswith("_prompt.json"):
        found = _of_nested_bold(path, rejects)
    else:
        rows = read_rows(HUB.get(source, source), rejects, split=split)
        found = _of_rows(rows, source, column, rejects)
    found = _with_sources(list(found))
    prompts = _unique(found if rule is None else _chosen(found, rule, source, rejects), rejects)
    if not prompts:
        raise _none(source, rejects)
    return chosen_prompts(prompts, source, languages, limit)


def chosen_prompts(
    prompts: Sequence[Prompt], source: str, languages: Sequence[str] = (), limit: int | None = None
) -> list[Prompt]:
    """The prompts in ``languages`` (all if empty), the first ``limit`` of each; ``zh`` is ``zh-hans`` too.

    Raises:
        BadData: There are none in one of the languages.
    """
    wanted, spoken = {code.lower() for code in languages}, {prompt.lang or "none" for prompt in prompts}
    if lacking := sorted(wanted - spoken - {lang.partition("-")[0] for lang in spoken}):
        hint = f"its languages are {', '.join(sorted(spoken))}"
        raise BadData(f"holds no prompts in {', '.join(lacking)}", where=source, hint=hint)
    seen: Counter[str | None] = Counter()
    kept = []
    for prompt in prompts:
        if not wanted or {prompt.lang, (prompt.lang or "").partition("-")[0]} & wanted:
            seen[prompt.lang] += 1
            if limit is None or seen[prompt.lang] <= limit:
                kept.append(prompt)
    return kept


def _of_rows(
    rows: Sequence[Row], source: str, column: str | None, rejects: Rejects
) -> Iterator[tuple[Row, FoundPrompt]]:
    read = _reader(rows, source, column)
    return ((row, found) for row in rows for found in read(row))


def _reader(
    rows: Sequence[Row], source: str, column: str | None
) -> Callable[[Row], Iterator[FoundPrompt] | Sequence[FoundPrompt]]:
    """What makes prompts of these rows. A column that the user names overrules what the set looks like."""
    values = rows[0].values if rows else {}
    if column is None:
        if is_rtp_lx(values):
            return lambda row: [rtp_lx_prompt(row)]
        if is_rtp(values):
            return lambda row: [rtp_prompt(row)]
        if is_ptp(values):
            return lambda row: [ptp_prompt(row)]
        if is_bold(values):
            return bold_prompts
        if is_toxigen(values, source) and {"prompt", "text"} & set(columns_of(rows[:1])):
            return lambda row: [toxigen_prompt(row, source)]
    chosen = pick_column(rows, column, TEXT, source, flag="--text-column")
    return lambda row: [plain_prompt(row, chosen)]


def _of_archive(path: Path, password: str | None, rejects: Rejects) -> Iterator[tuple[Row, FoundPrompt]]:
    contents = dict(members(path, password))
    files = _rtp_lx_files([Path(name).name for name in contents])
    if not files:
        raise BadData("holds no file RTP_LX_LANGUAGE.json", where=str(path), hint="name the zip of RTP-LX")
    for name, content in contents.items():
        if Path(name).name in files:
            records = json_line_records(decoded_lines(content, f"{path}/{name}"), f"{path}/{name}", rejects)
            for count, (where, values) in enumerate(records, start=1):
                row = Row(str(count), values, where)
                yield row, rtp_lx_prompt(row)


def _of_files(paths: Sequence[Path], rejects: Rejects) -> Iterator[tuple[Row, FoundPrompt]]:
    for path in paths:
        yield from _of_rows(read_rows(str(path), rejects), str(path), None, rejects)


def _of_nested_bold(path: Path, rejects: Rejects) -> Iterator[tuple[Row, FoundPrompt]]:
    text = "".join(line for _, line in decoded_lines(path.open("rb"), str(path)))
    try:
        content: Any = parse_json(text)
    except ValueError as error:
        raise BadData(f"bad JSON: {error}", where=str(path), hint="correct the file there") from None
    if not isinstance(content, dict):
        yield from _of_rows(read_rows(str(path), rejects), str(path), None, rejects)
        return
    for row in nested_bold(path.name.removesuffix("_prompt.json"), content, str(path)):
        yield from ((row, found) for found in bold_prompts(row))


def _rtp_lx_files(names: Sequence[str]) -> list[str]:
    """The files of a folder that hold each language's prompts once."""
    if own := sorted(name for name in names if Path(name).match(RTP_LX_FILES[0])):
        return own
    rated = sorted(name for name in names if Path(name).match(RTP_LX_FILES[1]))
    benign = [name for name in rated if "_benign_" in name]
    rest = [name for name in rated if name not in benign]
    withheld = {"acs_results_EN.json"} if "acs_results_benign_EN.json" in benign else set()
    lacking = [name for name in benign if name.replace("benign_", "") not in {*rest} - withheld]
    return sorted([*({*rest} - withheld), *lacking])


def _with_sources(found: Sequence[tuple[Row, FoundPrompt]]) -> Iterator[tuple[Row, FoundPrompt]]:
    """The same, with what rows of RTP-LX without metadata are translations of."""
    known = sources_by_index(row.values for row, _ in found if is_rtp_lx(row.values))
    for row, prompt in found:
        if isinstance(prompt, Prompt) and prompt.source is None and is_rtp_lx(row.values):
            prompt = replace(prompt, source=source_by_index(row.values, known))
        yield row, prompt


def _chosen(
    found: Iterator[tuple[Row, FoundPrompt]], rule: Rule, source: str, rejects: Rejects
) -> Iterator[tuple[Row, FoundPrompt]]:
    """The prompts of rows for which the rule holds."""
    columns: dict[str, None] = {}
    why: Counter[str] = Counter()
    for row, prompt in found:
        columns.update(dict.fromkeys(row.values))
        reason = why_left_out(rule, row, rejects)
        why[reason or ""] += 1
        if reason is None:
            yield row, prompt
    rule.check_columns(columns, source)
    if columns and not why[""]:
        told = "; ".join(f"{count} times {reason}" for reason, count in why.most_common() if reason)
        raise BadData("no prompt is such as --where wants it", where=source, hint=f"of its rows: {told}")


def _unique(found: Iterator[tuple[Row, FoundPrompt]], rejects: Rejects) -> list[Prompt]:
    first_at: dict[str, str] = {}
    kept = []
    for row, prompt in found:
        if isinstance(prompt, str):
            rejects.add(row.where, prompt, dict(row.values))
        elif prompt.id in first_at:
            rejects.add(row.where, "its id was used before", dict(row.values))
        else:
            first_at[prompt.id] = prompt.where
            kept.append(prompt)
    return kept


def _none(source: str, rejects: Rejects) -> BadData:
    reason = rejects.by_reason.most_common(1)[0][0] if rejects.count else "it is empty"
    return BadData(f"no row holds a prompt: {reason}", where=source, hint="name the column: --text-column")
