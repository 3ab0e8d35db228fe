"""Learning to decline: sources that people could not rewrite, and how well a rewriter tells them apart."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.data.json_text import parse_json
from detox_cli.data.reading import Row, pick_column, read_rows, rows_with_text
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.models.rewriting import Rewriting
from detox_cli.services.result import Cell, Table
from detox_cli.services.train_bart.files import frame_of, short_names
from detox_cli.services.train_bart.rows import Example
from detox_cli.settings.train import BartSettings
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.shares import share_interval

TOXIC = ("toxic", "INPUT:toxic_comment", "toxic_comment", "toxic_sentence", "en_toxic_comment", "text")
REASONS = ("reasons", "OUTPUT:reasons", "reason")


@dataclass(frozen=True)
class AbstainFile:
    """One file of sources that could not be rewritten.

    Attributes:
        name: Short, and different from that of every other file.
        examples: One for each different source whose reasons count; their target is the abstain text.
        other_reasons: Sources that are left out, by their reasons.
    """

    name: str
    examples: list[Example]
    other_reasons: Counter[str]


class Abstaining(BaseModel):
    """How well a rewriter declines, on held-out sources of both kinds."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(description="What it writes instead of a rewrite.")
    reasons: list[str] = Field(description="Why sources could not be rewritten that it learnt from.")
    precision: Estimate | None = Field(
        description="Of the sources that it declined those that cannot be rewritten, in this mixture of both."
    )
    recall: Estimate | None = Field(description="Share of sources that cannot be rewritten that it declined.")
    false_abstentions: Estimate | None = Field(description="Share of rewritable sources that it declined.")
    sources: int = Field(description="Held-out sources that cannot be rewritten.")
    rewritable: int = Field(description="Held-out sources that people have rewritten.")


def read_abstain_files(settings: BartSettings, rejects: Rejects) -> list[AbstainFile]:
    """Read the files of sources that could not be rewritten.

    Raises:
        BadData: A column is missing, or no source has a reason that counts.
    """
    files = [
        _read_file(settings, name, file, len(settings.pairs) + number, rejects)
        for number, (name, file) in enumerate(
            zip(short_names(settings.abstain), settings.abstain, strict=True)
        )
    ]
    if files and not any(file.examples for file in files):
        there = sum((file.other_reasons for file in files), Counter[str]())
        hint = f"the reasons are {', '.join(sorted(there))}"
        raise BadData("no source has only reasons that count", where="--abstain-reasons", hint=hint)
    return files


def reasons_of(value: object) -> tuple[str, ...] | None:
    """The reasons in a cell, sorted: a list, JSON of a list or of an object with true values, or one word.

    ``None`` if it holds nothing of the kind.
    """
    if isinstance(value, str) and value.strip()[:1] in ("[", "{", '"'):
        try:
            value = parse_json(value)
        except ValueError:
            return None
    if isinstance(value, Mapping):
        value = [name for name, said in value.items() if said]
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(sorted({item.strip() for item in value if item.strip()})) or None


def check_abstain_text(text: str, tokenizer: Any) -> None:
    """Raise ``BadSettings`` if a model with this tokenizer cannot write ``text`` letter by letter."""
    ids = tokenizer(text_target=text)["input_ids"]
    written = tokenizer.decode(ids, skip_special_tokens=True)
    if not text.strip() or written.split() != text.split():
        raise BadSettings(
            f"the model's tokenizer makes {written.strip()!r} of {text!r}",
            where="--abstain-text",
            hint="choose plain words that it leaves as they are",
        )


def measure_abstaining(habits: Rewriting, declinable: Sequence[str], rewritable: Sequence[str]) -> Abstaining:
    """Precision and recall of what was written for sources of both kinds, with Wilson's intervals."""
    right, wrong = ([habits.declines(output) for output in side] for side in (declinable, rewritable))
    declined = [True] * sum(right) + [False] * sum(wrong)
    return Abstaining(
        text=habits.abstain_text or "",
        reasons=list(habits.abstain_reasons),
        precision=share_interval(declined) if declined else None,
        recall=share_interval(right) if right else None,
        false_abstentions=share_interval(wrong) if wrong else None,
        sources=len(right),
        rewritable=len(wrong),
    )


def abstaining_table(found: Abstaining) -> Table:
    """One line per measure."""
    measures = ("precision", "recall", "false_abstentions")
    rows: list[list[Cell]] = [
        [
            name.replace("_", " "),
            str(estimate) if (estimate := getattr(found, name)) else "-",
            estimate.n if estimate else 0,
        ]
        for name in measures
    ]
    caption = (
        f"mean [95 % interval]; on {found.sources} held-out sources that cannot be rewritten "
        f"({', '.join(found.reasons)}) and {found.rewritable} that people have rewritten; "
        f"precision depends on this mixture"
    )
    return Table(
        title=f"answers {found.text!r}", columns=["measure", "value", "n"], rows=rows, caption=caption
    )


def _read_file(settings: BartSettings, name: str, file: str, number: int, rejects: Rejects) -> AbstainFile:
    rows = read_rows(file, rejects, split=settings.split, limit=settings.limit)
    toxic = pick_column(rows, None, TOXIC, file, flag="--abstain")
    column = pick_column(rows, None, REASONS, file, flag="--abstain")
    frame, others, examples = frame_of(settings), Counter[str](), dict[str, Example]()
    for row in rows_with_text(rows, toxic, rejects):
        reasons = reasons_of(row.values.get(column))
        if reasons is None:
            rejects.add(row.where, f"column {column!r} holds no reasons", dict(row.values))
        elif not set(reasons) <= set(settings.abstain_reasons):
            others[" and ".join(reasons)] += 1
        elif (example := _example(row, toxic, number, settings, frame, rejects)) is not None:
            examples.setdefault(example.source, example)
    return AbstainFile(name, list(examples.values()), others)


def _example(
    row: Row, toxic: str, number: int, settings: BartSettings, frame: Rewriting, rejects: Rejects
) -> Example | None:
    text = str(row.values[toxic])
    try:
        return Example(text, settings.abstain_text, number, frame.frame(text, row.values))
    except KeyError as missing:
        rejects.add(row.where, f"column {missing} is empty, and --template names it", dict(row.values))
        return None
