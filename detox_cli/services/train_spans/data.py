"""From files to the three sides of a run: to train on, to choose by, and to measure on at the end."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.data.marked.read import Columns, MarkedText, read_marked
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import is_held_out, source_key, split_fraction
from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Progress
from detox_cli.services.training.processes import is_first
from detox_cli.services.training.reading import open_rejects, seed_of_split
from detox_cli.settings.train_spans import SpansSettings

MOSTLY = 0.8
"""Share of texts with a span from which on a detector learns that there always is one."""
SIDES = ("training", "validation", "test")


class FileTexts(BaseModel):
    """What became of the texts of one file."""

    model_config = ConfigDict(frozen=True)

    name: str
    read: int = Field(description="Usable rows.")
    repeated: int = Field(description="Left out: the text, case and punctuation ignored, was there before.")
    with_spans: int = Field(description="Of the texts that are used, how many have a span.")


@dataclass(frozen=True)
class Posts:
    """The texts of a run.

    Attributes:
        training: To train on.
        validation: To choose the checkpoint and the threshold by.
        test: To measure the finished model on. No text is on two sides.
        files: What became of each file.
        unusable: Rows that are listed as bad.
    """

    training: list[MarkedText]
    validation: list[MarkedText]
    test: list[MarkedText]
    files: list[FileTexts]
    unusable: int

    @property
    def counts(self) -> dict[str, int]:
        """Texts on each side, with spans among them, and what was left out."""
        found = {}
        for side in SIDES:
            texts: list[MarkedText] = getattr(self, side)
            found[side] = len(texts)
            found[f"{side}, with a span"] = sum(bool(text.spans) for text in texts)
        repeated = sum(file.repeated for file in self.files)
        return {**found, "repeated": repeated, "unusable": self.unusable}

    @property
    def digest(self) -> str:
        """Hash of texts and spans of all sides."""
        sides = [[(one.text, one.spans) for one in getattr(self, side)] for side in SIDES]
        return hashlib.sha256(json.dumps(sides).encode()).hexdigest()

    def ids(self) -> list[dict[str, str]]:
        """Where each text stands and on which side it is, one record a text."""
        return [
            {"where": one.where, "side": side, "text_sha256": hashlib.sha256(one.text.encode()).hexdigest()}
            for side in SIDES
            for one in getattr(self, side)
        ]


def read_posts(settings: SpansSettings, progress: Progress) -> Posts:
    """Read, deduplicate and split the texts; tells what could not be used.

    The test side is that of `data.splits.is_held_out`, the same for every seed and every file; of the other
    texts the seed decides which ones choose.

    Raises:
        BadData: A file or its columns cannot be used, or a side that is needed has no span.
        BadSettings: No file is named, or one twice.
    """
    _check_names(settings)
    progress.stage("reading texts")
    seen: set[str] = set()
    files: list[FileTexts] = []
    with open_rejects(settings, listing=is_first()) as rejects:
        tests, texts = (
            [
                text
                for name in names
                for text in _without_repeats(name, _read(settings, name, rejects), seen, files)
            ]
            for names in (settings.test, settings.data)
        )
    if rejects.count:
        progress.warn(f"{rejects.count} rows cannot be used and are listed in {rejects.path}")
    posts = _sides(settings, texts, tests, files, rejects.count)
    _check_sides(settings, posts)
    if (share := posts.counts["training, with a span"] / len(posts.training)) > MOSTLY:
        progress.warn(
            f"{share:.0%} of the texts to train on have a span: what learns from them marks something in "
            'calm texts, too; add some with "spans": []'
        )
    return posts


def _check_names(settings: SpansSettings) -> None:
    if not settings.data:
        raise BadSettings("nothing to train on is named", where="--data", hint="give --data FILE")
    names = [*settings.data, *settings.test]
    if repeated := [name for number, name in enumerate(names) if name in names[:number]]:
        raise BadSettings("is given twice", where=repeated[0], hint="give every file once")


def _read(settings: SpansSettings, name: str, rejects: Rejects) -> list[MarkedText]:
    columns = Columns(settings.text_column, settings.spans_column, settings.span_types, settings.min_votes)
    return read_marked(name, rejects, columns, split=settings.dataset_split, limit=settings.limit)


def _without_repeats(
    name: str, texts: Sequence[MarkedText], seen: set[str], files: list[FileTexts]
) -> Iterable[MarkedText]:
    """The texts that no file before and no row before had."""
    kept = []
    for text in texts:
        if (key := source_key(text.text)) not in seen:
            seen.add(key)
            kept.append(text)
    files.append(
        FileTexts(
            name="stdin" if name == "-" else Path(name).name,
            read=len(texts),
            repeated=len(texts) - len(kept),
            with_spans=sum(bool(text.spans) for text in kept),
        )
    )
    return kept


def _sides(
    settings: SpansSettings,
    texts: Sequence[MarkedText],
    tests: list[MarkedText],
    files: list[FileTexts],
    unusable: int,
) -> Posts:
    test_share = 0.0 if settings.test else settings.test_share
    closing = [text for text in texts if is_held_out(text.text, test_share)]
    others = [text for text in texts if not is_held_out(text.text, test_share)]
    seed = f"held-out-{seed_of_split(settings)}"
    chooses = [split_fraction(text.text, seed) < settings.eval_share for text in others]
    return Posts(
        training=[text for text, out in zip(others, chooses, strict=True) if not out],
        validation=[text for text, out in zip(others, chooses, strict=True) if out],
        test=tests or closing,
        files=files,
        unusable=unusable,
    )


def _check_sides(settings: SpansSettings, posts: Posts) -> None:
    if not any(text.spans for text in posts.training):
        raise BadData(
            f"none of {len(posts.training)} texts to train on has a span",
            where="--data",
            hint="see --spans-column, --span-types, --min-votes and --eval-share",
        )
    chooses = settings.select == "f1" or settings.threshold is None
    if chooses and not any(text.spans for text in posts.validation):
        raise BadData(
            f"none of {len(posts.validation)} texts that are to choose checkpoint and threshold has a span",
            where="--eval-share",
            hint="raise it, or give --select last --threshold 0.5",
        )
