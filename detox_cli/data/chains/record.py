"""What is known of one prompt on its way to a training chain: one row, to which every stage adds."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detox_cli.data.reading import Row, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData

SCHEMA = 1
MASK = "<MASK>"
"""What stands for a removed span in ``masked``; a template may write another mark."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(_Part):
    """Characters ``start`` to ``end`` (excluded) of the prompt, and how toxic a detector finds them."""

    start: int = Field(ge=0)
    end: int
    score: float | None = None


class Fill(_Part):
    """One rephrasing of the prompt and its scores: toxicity, similarity to the prompt, perplexity."""

    text: str
    tox: float | None = None
    sim: float | None = None
    ppl: float | None = None
    accepted: bool | None = None


class Candidate(_Part):
    """One continuation of the safe prompt: its toxicity, and why it ended (``stop`` or ``length``)."""

    text: str
    tox: float | None = None
    finish: str | None = None


class Chain(_Part):
    """The chain as it is written: what a model reads, and what it is to write."""

    template: str
    prompt: str
    completion: str


class ChainRecord(_Part):
    """One prompt with all that the stages found; what no stage has looked at yet is ``None``.

    Attributes:
        version: The version of this form, ``schema`` in files.
        id: Unique in its file.
        source: Where the prompt comes from.
        text: The prompt.
        toxicity: Its toxicity, 0 to 1.
        is_toxic: Whether it takes the road of toxic prompts.
        spans: Its toxic spans, in order, not overlapping.
        masked: The prompt with `MASK` in place of every run of spans.
        fills: Rephrasings that were tried.
        safe_text: The prompt to be continued: the accepted rephrasing, or the prompt itself if it is safe.
        candidates: Continuations of ``safe_text``.
        pos: Place of the positive one among the candidates.
        neg: Places of the negative ones.
        dropped: Why it is left out of the training set.
        chain: The chain as text.
        prov: What made it: stages, models, scorers, seeds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    version: int = Field(default=SCHEMA, alias="schema")
    id: str
    source: str | None = None
    text: str
    toxicity: float | None = None
    is_toxic: bool | None = None
    spans: tuple[Span, ...] | None = None
    masked: str | None = None
    fills: tuple[Fill, ...] | None = None
    safe_text: str | None = None
    candidates: tuple[Candidate, ...] | None = None
    pos: int | None = None
    neg: tuple[int, ...] = ()
    dropped: str | None = None
    chain: Chain | None = None
    prov: dict[str, Any] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.version > SCHEMA:
            raise ValueError(f"schema {self.version} is of a newer version of detox; this one knows {SCHEMA}")
        before = 0
        for span in self.spans or ():
            if not before <= span.start < span.end <= len(self.text):
                raise ValueError("spans are not in order, overlap, are empty or leave the text")
            before = span.end
        count = len(self.candidates or ())
        if any(not 0 <= place < count for place in (*self.neg, *([] if self.pos is None else [self.pos]))):
            raise ValueError(f"pos or neg names none of {count} candidates")
        if self.pos in self.neg or len(set(self.neg)) < len(self.neg):
            raise ValueError("the positive is among the negatives, or a negative is named twice")
        return self

    @property
    def toxic(self) -> bool:
        """Whether it takes the road of toxic prompts; if nobody said, whether something is masked."""
        return self.masked is not None if self.is_toxic is None else self.is_toxic

    def with_(self, **changes: Any) -> "ChainRecord":
        """The record with other values, checked again."""
        return ChainRecord.model_validate({**self.row(), **changes})

    def row(self) -> dict[str, Any]:
        """The record as it stands in a file."""
        return self.model_dump(mode="json", by_alias=True)


def read_records(source: str, rejects: Rejects) -> list[ChainRecord]:
    """The chain records of a file; rows that are none are rejected.

    Raises:
        BadData: It cannot be read, an id is used twice, or no row is a record.
    """
    rows = read_rows(source, rejects)
    found = [record for row in rows if (record := _record(row, rejects)) is not None]
    if not found:
        hint = "give a file that detox synth chain wrote"
        raise BadData(f"none of {len(rows)} rows is a chain record", where=source, hint=hint)
    return found


def write_records(target: str | Path, records: Iterable[ChainRecord]) -> int:
    """Write records as JSON lines, whole or not at all; says how many."""
    return write_rows(target, (record.row() for record in records))


def _record(row: Row, rejects: Rejects) -> ChainRecord | None:
    try:
        return ChainRecord.model_validate({**row.values, "id": row.id})
    except ValidationError as error:
        rejects.add(
            row.where, f"no chain record: {_first(error.errors(include_url=False))}", dict(row.values)
        )
        return None


def _first(errors: Sequence[Any]) -> str:
    place = ".".join(map(str, errors[0]["loc"]))
    return f"{place}: {errors[0]['msg']}" if place else str(errors[0]["msg"])
