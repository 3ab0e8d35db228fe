"""From files of pairs to the two sides of a training run, with everything that was left out counted."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from accelerate import PartialState

from detox_cli.data.rejects import Rejects
from detox_cli.output.progress import Progress
from detox_cli.services.train_bart.files import PRECEDENCE, FileRows, PairFile, read_files, read_sources
from detox_cli.services.train_bart.leaks import Leak, compare
from detox_cli.services.train_bart.mixing import weights_of
from detox_cli.services.train_bart.rows import Example, Split, hold_out, source_key, without_repeats
from detox_cli.settings.train import BartSettings


@dataclass(frozen=True)
class Data:
    """The rows of a run.

    Attributes:
        split: Both sides.
        counts: Rows used, held out and left out, by reason.
        files: What became of each file.
        leaks: What stands in two places.
        digest: Hash of both sides.
    """

    split: Split
    counts: dict[str, int]
    files: list[FileRows]
    leaks: list[Leak]
    digest: str


def read_data(settings: BartSettings, progress: Progress) -> Data:
    """Read, filter, deduplicate and split the pairs; tells what was left out and what leaks.

    Raises:
        BadData: A file or its columns cannot be used, or nothing is left to train on.
        BadSettings: Something that is given once per file is not.
    """
    progress.stage("reading pairs")
    weights_of(settings)
    with _rejects(settings) as rejects:
        files = read_files(settings, rejects)
        lists = read_sources(settings.held_out, settings, rejects)
    if rejects.count:
        progress.warn(f"{rejects.count} rows cannot be used and are listed in {rejects.path}")
    return compose(settings, files, lists, rejects.count, progress)


def compose(
    settings: BartSettings,
    files: Sequence[PairFile],
    lists: Mapping[str, Sequence[str]],
    rejected: int,
    progress: Progress,
) -> Data:
    """Leave out flagged, repeated and listed pairs, and split the rest by source over all files at once."""
    flagged = sum((file.flagged for file in files), Counter[str]())
    for name, count in flagged.items():
        progress.warn(f"{count} rows are flagged '{name}' and left out")
    unique, elsewhere = _once(settings, files)
    allowed = without_listed(unique, lists)
    split = split_examples(settings, [example for file in allowed for example in file])
    _warn_of_leak(split, progress)
    counts = {
        "trained on": len(split.training),
        "held out": len(split.held_out),
        "held-out sources": split.held_out_sources,
        "held-out sources also trained on": split.leaked,
        "equal pairs left out": sum(file.repeated for file in files) + sum(elsewhere),
        "unusable": rejected,
        **({"on a held-out list": _size(unique) - _size(allowed)} if lists else {}),
        **{f"flagged {name}": count for name, count in flagged.items()},
    }
    losses = [(lost, len(u) - len(a)) for lost, u, a in zip(elsewhere, unique, allowed, strict=True)]
    rows = file_rows(settings, files, losses, split)
    return Data(split, counts, rows, find_leaks(files, lists, split), digest(split))


def split_examples(settings: BartSettings, examples: Sequence[Example]) -> Split:
    """Both sides, by the share, the manner and the seed of the settings."""
    seed = settings.seed if settings.split_seed is None else settings.split_seed
    return hold_out(examples, settings.eval_share, settings.hold_out, seed)


def without_listed(
    files: Sequence[Sequence[Example]], lists: Mapping[str, Sequence[str]]
) -> list[list[Example]]:
    """The examples of each file whose source is on no list, also not with other case or punctuation."""
    listed = {source_key(text) for texts in lists.values() for text in texts}
    return [[example for example in file if example.source not in listed] for file in files]


def file_rows(
    settings: BartSettings, files: Sequence[PairFile], losses: Sequence[tuple[int, int]], split: Split
) -> list[FileRows]:
    """The report on each file; ``losses`` are its pairs that are elsewhere, and those that are listed."""
    trained, held = (Counter(e.file for e in side) for side in (split.training, split.held_out))
    weights = weights_of(settings)
    return [
        FileRows(
            name=file.name,
            origin=file.origin,
            weight=weights[number],
            pairs=len(file.examples),
            elsewhere=losses[number][0],
            listed=losses[number][1],
            trained_on=trained[number],
            held_out=held[number],
        )
        for number, file in enumerate(files)
    ]


def find_leaks(files: Sequence[PairFile], lists: Mapping[str, Sequence[str]], split: Split) -> list[Leak]:
    """What any two files share, what files and lists share, and what is left of it after the split."""
    sources = {file.name: [example.toxic for example in file.examples] for file in files}
    training, held_out = ([e.toxic for e in side] for side in (split.training, split.held_out))
    between = [
        compare(a, sources[a], b, sources[b], "on the same side of the split, equal pairs once")
        for a, b in combinations(sources, 2)
    ]
    removed = [
        compare(file, sources[file], name, texts, "removed from training and from measuring")
        for name, texts in lists.items()
        for file in sources
    ]
    left = [
        compare("the training rows", training, name, texts, "none is left") for name, texts in lists.items()
    ]
    own = compare("the training rows", training, "the held-out rows", held_out, "whole sources are held out")
    if own.share:
        own = own.model_copy(update={"treated": "trained on and measured with: single rows are held out"})
    return [*between, *removed, own, *left]


def digest(split: Split) -> str:
    """Hash of both sides: what is read, what is to be written, and from which file."""
    sides = [[(e.text, e.neutral, e.file) for e in side] for side in (split.training, split.held_out)]
    return hashlib.sha256(json.dumps(sides).encode()).hexdigest()


def rejects_path(settings: BartSettings) -> Path:
    """Where unusable rows are listed."""
    return settings.rejects or settings.output.with_name(settings.output.name + ".rejects.jsonl")


def _once(settings: BartSettings, files: Sequence[PairFile]) -> tuple[list[list[Example]], list[int]]:
    """The examples of each file without those that a file of higher precedence has, and how many it lost."""
    examples = [file.examples for file in files]
    if not settings.dedupe or len(files) == 1:
        return examples, [0] * len(files)
    order = sorted(range(len(files)), key=lambda number: PRECEDENCE.index(files[number].origin))
    return without_repeats(examples, order)


def _warn_of_leak(split: Split, progress: Progress) -> None:
    if split.leaked:
        share = split.leaked / split.held_out_sources
        progress.warn(
            f"{share:.0%} of the held-out sources are also trained on; --hold-out sources prevents it"
        )


def _size(files: Sequence[Sequence[Example]]) -> int:
    return sum(map(len, files))


@contextmanager
def _rejects(settings: BartSettings) -> Iterator[Rejects]:
    """The first process alone writes the list."""
    path = rejects_path(settings) if PartialState().is_main_process else None
    with Rejects(path, settings.strict) as rejects:
        yield rejects
