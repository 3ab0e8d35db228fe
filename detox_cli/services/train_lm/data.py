"""From files to the texts of a run, with everything that was left out counted by its reason."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.data.reading import Row, pick_column, stream_rows, text_fault
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import source_key, split_fraction
from detox_cli.data.where.choosing import UNFIT, why_left_out
from detox_cli.errors import BadData
from detox_cli.output.progress import Progress
from detox_cli.services.train_lm.choice import Choice, choose_texts
from detox_cli.services.training.reading import open_rejects, seed_of_split
from detox_cli.settings.train_lm import LmSettings

COLUMNS = ("text", "comment_text", "comment", "generation", "sentence", "toxic_comment", "tweet", "content")
"""The usual names of a column with a text, best first."""


class FileTexts(BaseModel):
    """What became of the rows of one file."""

    model_config = ConfigDict(frozen=True)

    name: str
    read: int = Field(description="Rows that could be read.")
    used: int = Field(description="Texts that are trained on or held out.")
    left_out: dict[str, int] = Field(description="Rows that are not used, by reason.")


@dataclass(frozen=True)
class Texts:
    """The texts of a run.

    Attributes:
        choice: How they were chosen.
        training: Texts to train on, in the order of their hashes.
        held_out: Texts to measure on; none of them, in whatever case and punctuation, is in training.
        files: What became of each file.
        unusable: Rows that are listed as bad.
        whole: Where these are one part of several, the settings of the command that cut them.
    """

    choice: Choice
    training: list[str]
    held_out: list[str]
    files: list[FileTexts]
    unusable: int
    whole: LmSettings | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Texts used, held out and left out, by reason, over all files."""
        left_out = sum((Counter(file.left_out) for file in self.files), Counter[str]())
        sides = {"trained on": len(self.training), "held out": len(self.held_out)}
        return {**sides, **left_out, "unusable": self.unusable}

    @property
    def digest(self) -> str:
        """Hash of both sides."""
        return digest([self.training, self.held_out])


def digest(texts: Sequence[Sequence[str]]) -> str:
    """Hash of texts in their order."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def read_texts(settings: LmSettings, progress: Progress, *, listing: bool) -> Texts:
    """Read, choose, deduplicate, sample and split the texts; tells what could not be used.

    Args:
        settings: Of the run.
        progress: Told what happens.
        listing: Write down what cannot be used, which is the work of one process.

    Raises:
        BadData: A file, its columns or the rule cannot be used, or nothing is left to train on.
        BadSettings: The rule is none.
    """
    choice = choose_texts(settings)
    progress.stage("reading texts")
    seen: set[str] = set()
    files = []
    with open_rejects(settings, listing=listing) as rejects:
        for name, split in choice.sources:
            reading = _Reading(settings, choice, name, split, seen if settings.dedupe else None)
            reading.read(rejects)
            files.append(reading)
    if rejects.count:
        progress.warn(f"{rejects.count} rows cannot be used and are listed in {rejects.path}")
    kept = [text for file in files for text in file.texts]
    reports = [file.report for file in files]
    return _both_sides(settings, choice, kept, reports, rejects.count)


def _both_sides(
    settings: LmSettings, choice: Choice, kept: Sequence[str], files: list[FileTexts], unusable: int
) -> Texts:
    seed = f"held-out-{seed_of_split(settings)}"
    held_out = [text for text in kept if split_fraction(text, seed) < settings.eval_share]
    apart = {source_key(text) for text in held_out}
    training = [text for text in kept if source_key(text) not in apart]
    texts = Texts(choice, in_order(training, seed_of_split(settings)), held_out, files, unusable)
    if len(training) < settings.split:
        reasons = ", ".join(f"{count} {reason}" for reason, count in texts.counts.items() if count)
        hint = "give more texts" + (f"; of the rows: {reasons}" if reasons else "")
        what = "no text is left to train on" if not training else f"{len(training)} texts are too few"
        raise BadData(what, where=f"--split {settings.split}" if training else "--data", hint=hint)
    return texts


def in_order(texts: Sequence[str], seed: int) -> list[str]:
    """Texts in an order that depends on the seed and on what they say, not on the order of the files.

    Texts that differ in case, spaces and punctuation only stand side by side.
    """
    return sorted(texts, key=lambda text: (place_of(text, seed), text))


def place_of(text: str, seed: int) -> str:
    """A hash of the text's key, which decides its part."""
    return hashlib.sha256(f"part-{seed}|{source_key(text)}".encode()).hexdigest()


@dataclass
class _Reading:
    """One file while it is read, row by row: only the texts that are wanted are kept."""

    settings: LmSettings
    choice: Choice
    name: str
    split: str
    seen: set[str] | None
    texts: list[str] = field(default_factory=list)
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    columns: dict[str, None] = field(default_factory=dict)
    column: str | None = None

    @property
    def report(self) -> FileTexts:
        """What became of the rows."""
        name = "stdin" if self.name == "-" else Path(self.name).name
        shown = name if self.split == "train" else f"{name}[{self.split}]"
        return FileTexts(name=shown, read=self.rows, used=len(self.texts), left_out=dict(self.left_out))

    def read(self, rejects: Rejects) -> None:
        """Read the file. Raises ``BadData`` if a column is missing."""
        for row in stream_rows(self.name, rejects, split=self.split, limit=self.settings.limit):
            self.rows += 1
            self.columns.update(dict.fromkeys(row.values))
            self._take(row, rejects)
        if self.choice.rule is not None:
            self.choice.rule.check_columns(self.columns, self.name)
        self._pick_column(self.columns)

    def _take(self, row: Row, rejects: Rejects) -> None:
        """Keep a row's text, or count why not."""
        if reason := why_left_out(self.choice.rule, row, rejects):
            self.left_out.update([reason] if reason != UNFIT else [])
            return
        self.column = self.column or self.choice.column or self._pick_column(row.values)
        text = row.values.get(self.column)
        if fault := text_fault(text):
            rejects.add(row.where, f"column {self.column!r} {fault}", dict(row.values))
            return
        if reason := self._not_needed(str(text)):
            self.left_out[reason] += 1
        else:
            self.texts.append(str(text))

    def _not_needed(self, text: str) -> str | None:
        if self.seen is not None:
            key = source_key(text)
            if key in self.seen:
                return "equal to an earlier text"
            self.seen.add(key)
        if self.choice.sample < 1:
            seed = f"sample-{seed_of_split(self.settings)}"
            if split_fraction(text, seed) >= self.choice.sample:
                return "not in the sample"
        return None

    def _pick_column(self, columns: Iterable[str]) -> str:
        """The column with the texts: the one that is wanted, or the first of the usual ones that is there."""
        rows = [Row("", dict.fromkeys(columns), self.name)]
        return pick_column(rows, self.choice.column, COLUMNS, self.name, flag="--text-column")
