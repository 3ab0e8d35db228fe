"""What the published pipeline writes between its stages, as chain records.

Keys accumulate from file to file: ``rtp_mask_span`` adds ``mask_prompt``, ``rtp_rephrase`` the filled prompt,
``rtp_continuation`` the continuations, ``rtp_continuation_api`` their scores. Its traps: the filled prompt
has two names, and so have the continuations; a single continuation is a bare text, not a list; scores leave
empty continuations out; a continuation can begin with the prompt, less its first characters.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from detox_cli.data.chains.answers import Mode, answered_record, is_answered
from detox_cli.data.chains.record import Candidate, ChainRecord
from detox_cli.data.readers.plain import TEXT
from detox_cli.data.readers.prompt import Prompt, number
from detox_cli.data.readers.rtp import is_rtp, rtp_prompt
from detox_cli.data.reading import Row, pick_column, read_rows, text_fault
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData

REFILLED = ("recover_prompt", "raw_recovered_prompt")
CONTINUED = ("generation", "cont_generation")
SCORED = ("cont_toxicity",)
UNKNOWN = "nothing is masked, and nobody says how toxic it is"
LEAST_LEAK = 12
"""Characters of a prompt's end that a continuation has to begin with to count as the prompt said again."""
NEEDED = {
    "mask": ("prompts", ()),
    "fill": ("mask_prompt", ("mask_prompt",)),
    "continue": (" or ".join(REFILLED), REFILLED),
    "score": (" or ".join(CONTINUED), CONTINUED),
    "build": ("cont_toxicity", SCORED),
}
"""What a file needs before a stage can begin, in words and as keys of which one has to be there."""


def read_before(
    source: str, stage: str, rejects: Rejects, threshold: float, mode: Mode = "chain"
) -> list[ChainRecord]:
    """What the stage before ``stage`` has made: a file of ours, one in the published form, or answers.

    Args:
        source: The file; the published ones are JSON lines under any suffix, or one array.
        stage: The first stage to do.
        rejects: Takes rows that cannot be used.
        threshold: Toxicity from which a prompt is toxic where nothing is masked.
        mode: Whether chains are to be made of the answers of ``detox generate --chain``, or direct answers.

    Raises:
        BadData: No row can be used, or no toxic row has what the stage needs.
    """
    rows = read_rows(source, rejects)
    ours = [row for row in rows if "schema" in row.values]
    answered = stage == "score" and all(is_answered(row.values) for row in rows)
    if answered:
        found = [one for row in rows if (one := _answered(row, mode, rejects)) is not None]
    elif ours:
        found = [one for row in rows if (one := _own(row, rejects)) is not None]
    else:
        column = None if any(is_rtp(row.values) for row in rows) else pick_column(rows, None, TEXT, source)
        read = (_record(row, column, rejects, threshold) for row in rows)
        found = [one for one in read if one is not None]
    _check(found, rows, stage, source, bool(ours) or answered)
    return found


def _own(row: Row, rejects: Rejects) -> ChainRecord | None:
    try:
        return ChainRecord.model_validate({**row.values, "id": row.id})
    except ValueError:
        rejects.add(row.where, "is no record of a chain", dict(row.values))
        return None


def _answered(row: Row, mode: Mode, rejects: Rejects) -> ChainRecord | None:
    found = answered_record(row, mode)
    if isinstance(found, str):
        rejects.add(row.where, found, dict(row.values))
        return None
    return found


def _check(found: Sequence[ChainRecord], rows: Sequence[Row], stage: str, source: str, ours: bool) -> None:
    if not found:
        raise BadData(
            f"none of its {len(rows)} rows can be used",
            where=source,
            hint="see why in the rejects file, or make the file again",
        )
    words, keys = NEEDED[stage]
    lacking = not ours and keys and not any(row.values.get(key) is not None for row in rows for key in keys)
    if lacking:
        hint = "begin with an earlier stage: --from names the first one to do"
        raise BadData(f"no row has {words}, which stage {stage} begins with", where=source, hint=hint)


def _record(row: Row, column: str | None, rejects: Rejects, threshold: float) -> ChainRecord | None:
    found = rtp_prompt(row) if column is None else _plain(row, column)
    if isinstance(found, str):
        rejects.add(row.where, found, dict(row.values))
        return None
    values = row.values
    toxicity = found.toxicity if found.toxicity is not None else number(values.get("toxicity"))
    masked, refilled = _text(values, ("mask_prompt",)), _text(values, REFILLED)
    toxic = masked is not None or refilled is not None or (toxicity is not None and toxicity >= threshold)
    if not toxic and toxicity is None:
        rejects.add(row.where, UNKNOWN, dict(values))
        return None
    candidates = _candidates(values, refilled or found.text)
    if isinstance(candidates, str):
        rejects.add(row.where, candidates, dict(values))
        return None
    return ChainRecord.model_validate(
        {
            "id": found.id,
            "source": found.source,
            "text": found.text,
            "toxicity": toxicity,
            "is_toxic": toxic,
            "masked": masked,
            "safe_text": refilled if toxic else found.text,
            "candidates": candidates,
            "prov": {"form": "published pipeline"},
        }
    )


def _plain(row: Row, column: str) -> Prompt | str:
    text = row.values.get(column)
    if fault := text_fault(text):
        return f"column {column!r} {fault}"
    return Prompt(id=row.id, text=str(text), where=row.where, toxicity=number(row.values.get("toxicity")))


def _text(values: Mapping[str, object], keys: Sequence[str]) -> str | None:
    """The first of ``keys`` that holds a text."""
    return next((str(values[key]) for key in keys if text_fault(values.get(key)) is None), None)


def _candidates(values: Mapping[str, object], prompt: str) -> tuple[Candidate, ...] | str | None:
    """The continuations with their scores, or what is wrong with them."""
    given: Any = next((values[key] for key in CONTINUED if values.get(key) is not None), None)
    if given is None:
        return None
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return "its continuations are neither a text nor a list of texts"
    scores = _scores(values, texts)
    if scores is None:
        return "it has another number of scores than of continuations"
    pairs = zip(texts, scores, strict=True)
    return tuple(Candidate(text=without_prompt(text, prompt), tox=score) for text, score in pairs)


def _scores(values: Mapping[str, object], texts: Sequence[str]) -> list[float | None] | None:
    """A score per continuation; where there are fewer scores, the empty continuations are those without."""
    given: Any = next((values[key] for key in SCORED if values.get(key) is not None), None)
    if given is None:
        return [None] * len(texts)
    listed = given if isinstance(given, list) else [given]
    if len(listed) == len(texts):
        return [number(value) for value in listed]
    if len(listed) != sum(bool(text.strip()) for text in texts):
        return None
    left = iter(listed)
    return [number(next(left)) if text.strip() else None for text in texts]


def without_prompt(text: str, prompt: str) -> str:
    """A continuation without the end of its prompt, which the published code leaves before it."""
    for start in range(max(0, len(prompt) - LEAST_LEAK + 1)):
        if text.startswith(prompt[start:]):
            return text[len(prompt) - start :]
    return text
