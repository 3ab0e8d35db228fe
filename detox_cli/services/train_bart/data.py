"""From files of pairs to the two sides of a training run, with everything that was left out counted."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from detox_cli.data.splits import source_key
from detox_cli.output.progress import Progress
from detox_cli.services.train_bart.abstain import AbstainFile, read_abstain_files
from detox_cli.services.train_bart.files import PRECEDENCE, FileRows, PairFile, read_files, read_sources
from detox_cli.services.train_bart.mixing import weights_of
from detox_cli.services.train_bart.rows import Example, Split, hold_out, without_repeats
from detox_cli.services.training.leaks import Leak, compare
from detox_cli.services.training.processes import is_first
from detox_cli.services.training.reading import open_rejects, seed_of_split
from detox_cli.settings.train import BartSettings

CANNOT_REWRITE = "cannot be rewritten"


@dataclass(frozen=True)
class Data:
    """The rows of a run.

    Attributes:
        split: Both sides of the pairs.
        abstain: Both sides of what cannot be rewritten.
        counts: Rows used, held out and left out, by reason.
        files: What became of each file.
        leaks: What stands in two places.
        languages: The languages that rows name.
        digest: Hash of both sides.
    """

    split: Split
    abstain: Split
    counts: dict[str, int]
    files: list[FileRows]
    leaks: list[Leak]
    languages: list[str]
    digest: str

    @property
    def training(self) -> list[Example]:
        """Everything that is trained on."""
        return [*self.split.training, *self.abstain.training]

    @property
    def held_out(self) -> list[Example]:
        """Everything whose loss is measured."""
        return [*self.split.held_out, *self.abstain.held_out]


def read_data(settings: BartSettings, progress: Progress) -> Data:
    """Read, filter, deduplicate and split the pairs; tells what was left out and what leaks.

    Raises:
        BadData: A file or its columns cannot be used, or nothing is left to train on.
        BadSettings: Something that is given once per file is not.
    """
    progress.stage("reading pairs")
    weights_of(settings)
    with open_rejects(settings, listing=is_first()) as rejects:
        files = read_files(settings, rejects)
        declined = read_abstain_files(settings, rejects)
        lists = read_sources(settings.held_out, settings, rejects)
    if rejects.count:
        progress.warn(f"{rejects.count} rows cannot be used and are listed in {rejects.path}")
    return compose(settings, Read(files, declined, lists, rejects.count), progress)


@dataclass(frozen=True)
class Read:
    """What was read: pairs, what cannot be rewritten, sources that are off limits, and how much was bad."""

    files: Sequence[PairFile]
    declined: Sequence[AbstainFile]
    lists: Mapping[str, Sequence[str]]
    rejected: int


def compose(settings: BartSettings, read: Read, progress: Progress) -> Data:
    """Leave out flagged, repeated and listed pairs, and split the rest by source over all files at once.

    A source that one could not rewrite and another one did is learnt from the rewrite.
    """
    flagged = sum((file.flagged for file in read.files), Counter[str]())
    for name, count in flagged.items():
        progress.warn(f"{count} rows are flagged '{name}' and left out")
    pairs = _chosen(_once(settings, [file.examples for file in read.files], read.files), read.lists)
    rewritten = {example.source for file in read.files for example in file.examples}
    declined = _chosen(without_sources([file.examples for file in read.declined], rewritten), read.lists)
    split = _split(settings, pairs.flat)
    abstain = _split(settings, declined.flat) if declined.flat else Split([], [])
    _warn_of_leak(split, progress)
    counts = {
        "trained on": len(split.training),
        "held out": len(split.held_out),
        "held-out sources": split.held_out_sources,
        "held-out sources also trained on": split.leaked,
        "equal pairs left out": sum(file.repeated for file in read.files) + sum(pairs.elsewhere),
        "unusable": read.rejected,
        **({"on a held-out list": sum(pairs.listed) + sum(declined.listed)} if read.lists else {}),
        **{f"flagged {name}": count for name, count in flagged.items()},
        **_abstain_counts(read.declined, abstain),
    }
    both = Split(split.training + abstain.training, split.held_out + abstain.held_out)
    rows = file_rows(settings, read, (pairs, declined), both)
    languages = sorted({language for file in read.files for language in file.languages})
    return Data(split, abstain, counts, rows, find_leaks(read, both), languages, digest(both))


@dataclass(frozen=True)
class Chosen:
    """The examples of each file that are used, and what each file lost to others and to lists."""

    examples: list[list[Example]]
    elsewhere: list[int]
    listed: list[int]

    @property
    def flat(self) -> list[Example]:
        """The examples of all files."""
        return [example for file in self.examples for example in file]


def _chosen(once: tuple[list[list[Example]], list[int]], lists: Mapping[str, Sequence[str]]) -> Chosen:
    listed = {source_key(text) for texts in lists.values() for text in texts}
    examples, lost = without_sources(once[0], listed)
    return Chosen(examples, once[1], lost)


def without_sources(
    files: Sequence[Sequence[Example]], sources: Collection[str]
) -> tuple[list[list[Example]], list[int]]:
    """The examples of each file whose source is not among ``sources``, and how many each file lost."""
    kept = [[example for example in file if example.source not in sources] for file in files]
    return kept, [len(before) - len(after) for before, after in zip(files, kept, strict=True)]


def _abstain_counts(files: Sequence[AbstainFile], abstain: Split) -> dict[str, int]:
    if not files:
        return {}
    others = sum((file.other_reasons for file in files), Counter[str]())
    return {
        "declined, trained on": len(abstain.training),
        "declined, held out": len(abstain.held_out),
        **{f"declined for another reason: {reasons}": count for reasons, count in sorted(others.items())},
    }


def _split(settings: BartSettings, examples: Sequence[Example]) -> Split:
    """Both sides, by the share, the manner and the seed of the settings."""
    seed = seed_of_split(settings)
    return hold_out(examples, settings.eval_share, settings.hold_out, seed)


def file_rows(
    settings: BartSettings, read: Read, chosen: tuple[Chosen, Chosen], split: Split
) -> list[FileRows]:
    """The report on each file."""
    trained, held = (Counter(e.file for e in side) for side in (split.training, split.held_out))
    named = [(file.name, file.origin, len(file.examples)) for file in read.files]
    named += [(file.name, CANNOT_REWRITE, len(file.examples)) for file in read.declined]
    elsewhere, listed = chosen[0].elsewhere + chosen[1].elsewhere, chosen[0].listed + chosen[1].listed
    weights = weights_of(settings)
    return [
        FileRows(
            name=name,
            origin=origin,
            weight=weights[number],
            pairs=pairs,
            elsewhere=elsewhere[number],
            listed=listed[number],
            trained_on=trained[number],
            held_out=held[number],
        )
        for number, (name, origin, pairs) in enumerate(named)
    ]


def find_leaks(read: Read, split: Split) -> list[Leak]:
    """What any two files share, what files and lists share, and what is left of it after the split."""
    pairs = {file.name: [example.toxic for example in file.examples] for file in read.files}
    declined = {file.name: [example.toxic for example in file.examples] for file in read.declined}
    training, held_out = ([e.toxic for e in side] for side in (split.training, split.held_out))
    between = [
        compare(a, pairs[a], b, pairs[b], "on the same side of the split, equal pairs once")
        for a, b in combinations(pairs, 2)
    ]
    rewritten = [
        compare(name, texts, other, pairs[other], "learnt from the rewrite, not declined")
        for name, texts in declined.items()
        for other in pairs
    ]
    removed = [
        compare(file, sources, name, texts, "removed from training and from measuring")
        for name, texts in read.lists.items()
        for file, sources in {**pairs, **declined}.items()
    ]
    own = compare("the training rows", training, "the held-out rows", held_out, "whole sources are held out")
    if own.share:
        own = own.model_copy(update={"treated": "trained on and measured with: single rows are held out"})
    left = [
        compare("the training rows", training, name, texts, "none is left")
        for name, texts in read.lists.items()
    ]
    return [*between, *rewritten, *removed, own, *left]


def digest(split: Split) -> str:
    """Hash of both sides: what is read, what is to be written, and from which file."""
    sides = [[(e.text, e.neutral, e.file) for e in side] for side in (split.training, split.held_out)]
    return hashlib.sha256(json.dumps(sides).encode()).hexdigest()


def _once(
    settings: BartSettings, examples: list[list[Example]], files: Sequence[PairFile]
) -> tuple[list[list[Example]], list[int]]:
    """The examples of each file without those that a file of higher precedence has, and how many it lost."""
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
