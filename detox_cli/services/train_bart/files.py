"""The files of a training run: their pairs as examples, who wrote them, and lists of what is off limits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.data.columns import told_columns, with_nearest
from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.data.template import template_columns
from detox_cli.errors import BadData, BadSettings
from detox_cli.models.rewriting import Rewriting
from detox_cli.services.result import Cell, Table
from detox_cli.services.train_bart.mixing import origins_of
from detox_cli.services.train_bart.rows import Example, one_per_reference, without_flagged
from detox_cli.settings.train import BartSettings

NOT_STATED = "not stated"
PRECEDENCE = ("human", NOT_STATED, "synthetic")
"""Of two files with the same pair, that of the earlier origin counts, then the one that was named first."""
MACHINE_COLUMN = "generated_neutral_sentence"


class FileRows(BaseModel):
    """What became of the pairs of one file."""

    model_config = ConfigDict(frozen=True)

    name: str
    origin: str = Field(description="human, synthetic, or not stated.")
    weight: float = Field(description="Passes over it in an epoch.")
    pairs: int = Field(description="Usable pairs, one for each reference, equal ones of this file once.")
    elsewhere: int = Field(description="Left out: another file has the same pair.")
    listed: int = Field(description="Left out: its source is on a list of held-out sources.")
    trained_on: int
    held_out: int


def file_table(files: Sequence[FileRows]) -> Table:
    """One line per file."""
    columns = ["file", "origin", "weight", "pairs", "elsewhere", "listed", "trained on", "held out"]
    rows: list[list[Cell]] = [
        [f.name, f.origin, f.weight, f.pairs, f.elsewhere, f.listed, f.trained_on, f.held_out] for f in files
    ]
    caption = "elsewhere: another file has the same pair; listed: the source is on a --held-out list"
    return Table(title="files", columns=columns, rows=rows, caption=caption)


@dataclass(frozen=True)
class PairFile:
    """One file, read.

    Attributes:
        name: Short, and different from that of every other file.
        origin: Who wrote the neutral side.
        examples: One for each reference.
        repeated: Equal rows of this file that were left out.
        flagged: Rows that say of themselves that they are not to be used, by reason.
        languages: What the rows' column ``lang`` says, each once.
    """

    name: str
    origin: str
    examples: list[Example]
    repeated: int
    flagged: Counter[str]
    languages: tuple[str, ...]


def read_files(settings: BartSettings, rejects: Rejects) -> list[PairFile]:
    """Read all files of pairs.

    Raises:
        BadSettings: A file is named twice, or the template or the origins do not fit.
        BadData: A file or its columns cannot be used.
    """
    origins = origins_of(settings)
    frame = frame_of(settings)
    names = short_names(settings.pairs)
    found = [_read_file(settings, number, frame, rejects) for number in range(len(settings.pairs))]
    _check_columns(settings, [pairs for pairs, _ in found])
    return [
        _pair_file(name, stated or _stated_origin(pairs, settings), pairs, prompts, number, settings)
        for number, (name, stated, (pairs, prompts)) in enumerate(zip(names, origins, found, strict=True))
    ]


def read_sources(files: Sequence[str], settings: BartSettings, rejects: Rejects) -> dict[str, list[str]]:
    """The toxic texts of files that need not have a neutral side, by the file's short name."""
    return {
        name: [
            pair.toxic
            for pair in read_pairs(
                file, rejects, toxic_column=settings.toxic_column, need_reference=False, if_there=True
            )
        ]
        for name, file in zip(short_names(files), files, strict=True)
    }


def short_names(files: Sequence[str]) -> list[str]:
    """Names without folders where they differ, else as they were given.

    Raises:
        BadSettings: A file is given twice.
    """
    if repeated := [file for file, count in Counter(files).items() if count > 1]:
        raise BadSettings("is given twice", where=repeated[0], hint="give every file once; see --weight")
    short = ["stdin" if file == "-" else Path(file).name for file in files]
    return short if len(set(short)) == len(short) else list(files)


def frame_of(settings: BartSettings) -> Rewriting:
    """How the model is to read and to decline.

    Raises:
        BadSettings: The template cannot be used.
    """
    if settings.template is not None:
        template_columns(settings.template)
        if settings.prefix:
            hint = "put the prefix in the template"
            raise BadSettings("--prefix and --template exclude each other", hint=hint)
    abstain: tuple[str | None, tuple[str, ...]] = (None, ())
    if settings.abstain:
        abstain = (settings.abstain_text, settings.abstain_reasons)
    return Rewriting(settings.prefix, settings.template, *abstain)


def prompts_of(pairs: Sequence[Pair], frame: Rewriting, rejects: Rejects) -> dict[str, str]:
    """What the model reads for each pair, by id; rows that lack what the template names are rejected."""
    prompts = {}
    for pair in pairs:
        try:
            prompts[pair.id] = frame.frame(pair.toxic, pair.values)
        except KeyError as missing:
            rejects.add(pair.where, f"column {missing} is empty, and --template names it", dict(pair.values))
    if not prompts:
        raise BadData(
            f"no row has a value in each column that --template names: {frame.template}",
            where=pairs[0].where,
            hint=told_columns(pairs[0].values),
        )
    return prompts


def _read_file(
    settings: BartSettings, number: int, frame: Rewriting, rejects: Rejects
) -> tuple[list[Pair], dict[str, str]]:
    pairs = read_pairs(
        settings.pairs[number],
        rejects,
        toxic_column=settings.toxic_column,
        neutral_columns=settings.neutral_columns or None,
        split=settings.split,
        limit=settings.limit,
        if_there=len(settings.pairs) > 1,
    )
    return pairs, prompts_of(pairs, frame, rejects)


def _pair_file(
    name: str,
    origin: str,
    pairs: Sequence[Pair],
    prompts: dict[str, str],
    number: int,
    settings: BartSettings,
) -> PairFile:
    usable, flagged = without_flagged(pair for pair in pairs if pair.id in prompts)
    examples, repeated = one_per_reference(usable, dedupe=settings.dedupe, file=number, prompts=prompts)
    languages = tuple(sorted({pair.lang for pair in usable if pair.lang}))
    return PairFile(name, origin, examples, repeated, flagged, languages)


def _stated_origin(pairs: Sequence[Pair], settings: BartSettings) -> str:
    """Machine-written rows name their model, or stand in a column that says so."""
    columns = settings.neutral_columns or ()
    machine = MACHINE_COLUMN in columns and any(MACHINE_COLUMN in pair.values for pair in pairs)
    named = all(pair.values.get("model") and "neutral" in pair.values for pair in pairs)
    return "synthetic" if machine or named else NOT_STATED


def _check_columns(settings: BartSettings, files: Sequence[Sequence[Pair]]) -> None:
    """A column that the user named must be in one file at least."""
    there = {column for pairs in files for pair in pairs for column in pair.values}
    named = {"--toxic-column": [settings.toxic_column], "--neutral-columns": settings.neutral_columns or ()}
    for flag, columns in named.items():
        for column in columns:
            if column is not None and column not in there:
                hint = with_nearest([column], sorted(there))
                raise BadData(f"no file has a column {column!r}", where=flag, hint=hint)
