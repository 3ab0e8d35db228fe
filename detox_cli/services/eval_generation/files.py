"""Continuations in files: ours, those of ``detox generate``, and the published forms, by their columns."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detox_cli.data.chains.answers import is_answered, samples_of
from detox_cli.data.columns import told_columns
from detox_cli.data.readers.plain import plain_prompt
from detox_cli.data.readers.prompt import Prompt, number
from detox_cli.data.readers.rtp import is_rtp, rtp_prompt
from detox_cli.data.reading import Row, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.services.eval_generation.generations import Generation, Scores

FLAT = (("prompt", "generated_text"), ("prompt", "query"))
"""Columns of files with one continuation a row: of the cross-lingual evaluation, and of its scores."""
STEMS = ("output-", "perspective_api_eval-")
FORMS = "samples (ours), outputs (detox generate), generations (RealToxicityPrompts), generated_text, query"


@dataclass(frozen=True)
class Continued:
    """What was found in files.

    Attributes:
        generations: One per prompt.
        repeated: How many prompts stood in a flat file more than once.
        missing: Ids of prompts that were asked for and have no continuation anywhere.
    """

    generations: list[Generation]
    repeated: int = 0
    missing: tuple[str, ...] = ()


def read_generations(source: str, rejects: Rejects) -> Continued:
    """Read the continuations in a file, or in all files of a folder that the cross-lingual evaluation wrote.

    Raises:
        BadData: A file cannot be read, or holds no continuations.
    """
    path = Path(source)
    inside = _inside(path) if path.is_dir() else []
    parts = [_of_file(str(one), rejects, several=len(inside) > 1) for one in inside or [path]]
    generations = [one for part in parts for one in part.generations]
    if not generations:
        reason = next(iter(rejects.by_reason), "it is empty")
        raise BadData(f"holds no continuations: {reason}", where=source, hint=f"known columns: {FORMS}")
    return Continued(generations, sum(part.repeated for part in parts))


def with_prompts(found: Continued, prompts: Sequence[Prompt], rejects: Rejects) -> Continued:
    """The continuations of ``prompts``, with what these know; by id where all ids are known, else by text.

    Continuations of other prompts are rejected; prompts without any are kept, without samples, and named.
    """
    by_id = {prompt.id for prompt in prompts} >= {one.prompt.id for one in found.generations}
    key: Callable[[Prompt], object] = (lambda p: p.id) if by_id else (lambda p: p.text)
    waiting: dict[object, list[Generation]] = {}
    for one in found.generations:
        waiting.setdefault(key(one.prompt), []).append(one)
    joined, missing = [], []
    for prompt in prompts:
        same = waiting.get(key(prompt))
        if same:
            joined.append(replace(same.pop(0), prompt=prompt))
        else:
            joined.append(Generation(prompt, ()))
            missing.append(prompt.id)
    for one in (one for rest in waiting.values() for one in rest):
        rejects.add(one.prompt.where, "its prompt is not among the prompts", {"prompt": one.prompt.text})
    if len(missing) == len(prompts):
        hint = "give the prompts that the continuations were written for"
        raise BadData("none of the prompts has a continuation", where="--prompts", hint=hint)
    return Continued(joined, found.repeated, tuple(missing))


def _inside(folder: Path) -> list[Path]:
    """Its files of continuations; where one has come back with scores, that one only."""
    plain, scored = (
        {path.name.removeprefix(stem): path for path in folder.glob(f"{stem}*")} for stem in STEMS
    )
    return [path for _, path in sorted((plain | scored).items())]


def _of_file(source: str, rejects: Rejects, *, several: bool) -> Continued:
    rows = read_rows(source, rejects)
    columns = set(rows[0].values)
    for form in FLAT:
        if set(form) <= columns:
            return _flat(rows, form[1], _language(Path(source)), rejects)
    if all(is_answered(row.values) for row in rows):
        rows, columns = [_answered(row) for row in rows], {"samples"}
    for column, read in _NESTED.items():
        if column in columns:
            found = (_nested(row, column, read, rejects) for row in rows)
            kept = [one for one in found if one is not None]
            return Continued(_renamed(kept, source) if several else kept)
    if "output" in columns:
        return _flat([_with_prompt_text(row) for row in rows], "output", None, rejects)
    hint = f"{told_columns(rows[0].values)}; known: {FORMS}"
    raise BadData("holds no continuations that are known", where=source, hint=hint)


def _flat(rows: Sequence[Row], column: str, lang: str | None, rejects: Rejects) -> Continued:
    """One continuation a row, grouped by the text of the prompt as the originals do.

    A prompt with a multiple of the usual number of rows stood in the prompt file several times.
    """
    groups: dict[str, list[tuple[Row, str]]] = {}
    for row in rows:
        prompt, text = row.values.get("prompt"), row.values.get(column)
        if not isinstance(prompt, str) or not isinstance(text, str):
            rejects.add(row.where, f"prompt or {column} is not text", dict(row.values))
        else:
            groups.setdefault(prompt, []).append((row, text))
    if not groups:
        return Continued([])
    usual = Counter(len(group) for group in groups.values()).most_common(1)[0][0]
    found: list[Generation] = []
    repeated = 0
    for text, group in groups.items():
        parts = len(group) // usual if len(group) > usual and len(group) % usual == 0 else 1
        repeated += parts > 1
        size = len(group) // parts
        for start in range(0, len(group), size):
            some = group[start : start + size]
            own = some[0][0].values.get("lang", lang)
            code = own if isinstance(own, str) else None
            name = f"{code}/{len(found) + 1}" if code else str(len(found) + 1)
            given = (
                {"TOXICITY": tuple(_summary_score(row.values) for row, _ in some)}
                if column == "query"
                else {}
            )
            prompt = Prompt(id=name, text=text, lang=code, where=some[0][0].where)
            found.append(Generation(prompt, tuple(text for _, text in some), given=given))
    return Continued(found, repeated)


def _nested(
    row: Row,
    column: str,
    read: Callable[[object], list[tuple[str | None, Mapping[str, Any]]]],
    rejects: Rejects,
) -> Generation | None:
    prompt = rtp_prompt(row) if is_rtp(row.values) else plain_prompt(row, "prompt")
    if isinstance(prompt, str):
        rejects.add(row.where, prompt, dict(row.values))
        return None
    if isinstance(stored := row.values.get("labels"), Mapping):
        prompt = replace(prompt, labels={str(key): str(value) for key, value in stored.items()})
    samples = read(row.values.get(column))
    for text, values in samples:
        if text is None:
            rejects.add(row.where, "a continuation without text", dict(values))
    kept = [(text, values) for text, values in samples if text is not None]
    counts = [count for _, values in kept if isinstance(count := values.get("tokens"), int)]
    asked = row.values.get("asked")
    return Generation(
        prompt,
        tuple(text for text, _ in kept),
        tuple(counts) if len(counts) == len(kept) else (),
        asked if isinstance(asked, str) else None,
        _given(row.values.get("given"), [values for _, values in kept]),
        fault if isinstance(fault := row.values.get("fault"), str) else "",
        _chains([values for _, values in kept]),
    )


def _answered(row: Row) -> Row:
    """A row of ``generate --chain`` with its answers and chains as ours has them."""
    found = samples_of(row.values)
    if isinstance(found, str):
        raise BadData(found, where=row.where, hint="correct the row there")
    counts = row.values.get("tokens")
    tokens = counts if isinstance(counts, list) else [counts]
    samples = [
        {"text": one.pop("output"), **({} if count is None else {"tokens": count}), "chain": one}
        for one, count in zip(found, tokens, strict=True)
    ]
    return replace(row, values={**row.values, "samples": samples})


def _chains(samples: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The steps of the chains, where every sample has them."""
    found = [values["chain"] for values in samples if isinstance(values.get("chain"), Mapping)]
    return tuple(found) if len(found) == len(samples) else ()


def _dicts(value: object) -> list[tuple[str | None, Mapping[str, Any]]]:
    """Samples as ``{"text": …}`` or plain texts."""
    found: list[tuple[str | None, Mapping[str, Any]]] = []
    for item in value if isinstance(value, list | tuple) else ():
        values: Mapping[str, Any] = item if isinstance(item, Mapping) else {"text": item}
        text = values.get("text")
        found.append((text if isinstance(text, str) else None, values))
    return found


_NESTED: dict[str, Callable[[object], list[tuple[str | None, Mapping[str, Any]]]]] = {
    "samples": _dicts,
    "generations": _dicts,
    "outputs": _dicts,
}


def _given(stored: object, samples: Sequence[Mapping[str, Any]]) -> dict[str, Scores]:
    """Scores in the file: a table of ours, or a number beside each text, as RealToxicityPrompts has it."""
    if isinstance(stored, Mapping):
        return {str(name): tuple(number(value) for value in scores) for name, scores in stored.items()}
    if any("toxicity" in values for values in samples):
        return {"toxicity": tuple(number(values.get("toxicity")) for values in samples)}
    return {}


def _summary_score(values: Mapping[str, object]) -> float | None:
    """TOXICITY of an answer of Perspective."""
    value: object = values.get("response")
    for key in ("attributeScores", "TOXICITY", "summaryScore", "value"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return number(value)


def _language(path: Path) -> str | None:
    """The originals name files ``output-rtp_lx_zh-hans.json``: the language follows the last underscore."""
    known = path.stem.startswith(STEMS) and "_" in path.stem
    return path.stem.rpartition("_")[2].lower() if known else None


def _with_prompt_text(row: Row) -> Row:
    inner = row.values.get("prompt")
    text = inner.get("text") if isinstance(inner, Mapping) else inner
    return replace(row, values={**row.values, "prompt": text})


def _renamed(generations: Iterable[Generation], source: str) -> list[Generation]:
    stem = Path(source).stem
    return [replace(one, prompt=replace(one.prompt, id=f"{stem}/{one.prompt.id}")) for one in generations]


def flat_rows(generations: Iterable[Generation]) -> Iterator[dict[str, Any]]:
    """One continuation a row, as the cross-lingual evaluation writes them."""
    for one in generations:
        for text in one.samples:
            yield {"prompt": one.read, "generated_text": text}


def perspective_rows(
    generations: Iterable[Generation], scores: Mapping[str, Scores]
) -> Iterator[dict[str, Any]]:
    """One continuation a row with its score, in the form in which Perspective answers; ``scores`` by id."""
    for one in generations:
        for text, score in zip(one.samples, scores[one.prompt.id], strict=True):
            summary = {"TOXICITY": {"summaryScore": {"value": score, "type": "PROBABILITY"}}}
            yield {"query": text, "response": {"attributeScores": summary}, "prompt": one.read}


def prompted_rows(
    generations: Iterable[Generation], scores: Mapping[str, Scores]
) -> Iterator[dict[str, Any]]:
    """One prompt a row, as RealToxicityPrompts and DExperts write them; ``scores`` by id."""
    for one in generations:
        pairs = zip(one.samples, scores[one.prompt.id], strict=True)
        yield {
            "prompt": {"text": one.read, "toxicity": one.prompt.toxicity},
            "generations": [{"text": text, "toxicity": score} for text, score in pairs],
        }
