"""From the file of pairs to the two sides of a training run, with everything that was left out counted."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accelerate import PartialState

from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.output.progress import Progress
from detox_cli.services.train_bart.rows import Split, hold_out, one_per_reference, without_flagged
from detox_cli.settings.train import BartSettings


@dataclass(frozen=True)
class Data:
    """The rows of a run.

    Attributes:
        split: Both sides.
        counts: Rows used, held out and left out, by reason.
        digest: Hash of both sides.
    """

    split: Split
    counts: dict[str, int]
    digest: str


def read_data(settings: BartSettings, progress: Progress) -> Data:
    """Read, filter, deduplicate and split the pairs; tells what was left out and what leaks.

    Raises:
        BadData: The file or its columns cannot be used, or nothing is left to train on.
    """
    progress.stage("reading pairs")
    with _rejects(settings) as rejects:
        pairs = read_pairs(
            settings.pairs,
            rejects,
            toxic_column=settings.toxic_column,
            neutral_columns=_written_columns(settings.neutral_columns),
            split=settings.split,
            limit=settings.limit,
        )
    if rejects.count:
        progress.warn(f"{rejects.count} rows cannot be used and are listed in {rejects.path}")
    return split_data(settings, pairs, {"unusable": rejects.count}, progress)


def split_data(
    settings: BartSettings, pairs: Sequence[Pair], counts: dict[str, int], progress: Progress
) -> Data:
    """Leave out flagged and repeated pairs, and split the rest."""
    usable, flagged = without_flagged(pairs)
    for name, count in flagged.items():
        progress.warn(f"{count} rows are flagged '{name}' and left out")
    examples, repeated = one_per_reference(usable, dedupe=settings.dedupe)
    split = hold_out(examples, settings.eval_share, settings.hold_out, settings.seed)
    if split.leaked:
        share = split.leaked / split.held_out_sources
        progress.warn(
            f"{share:.0%} of the held-out sources are also trained on; --hold-out sources prevents it"
        )
    counts = {
        "trained on": len(split.training),
        "held out": len(split.held_out),
        "held-out sources": split.held_out_sources,
        "held-out sources also trained on": split.leaked,
        "equal pairs left out": repeated,
        **counts,
        **{f"flagged {name}": count for name, count in flagged.items()},
    }
    sides = [[(e.toxic, e.neutral) for e in side] for side in (split.training, split.held_out)]
    return Data(split, counts, hashlib.sha256(json.dumps(sides).encode()).hexdigest())


def rejects_path(settings: BartSettings) -> Path:
    """Where unusable rows are listed."""
    return settings.rejects or settings.output.with_name(settings.output.name + ".rejects.jsonl")


@contextmanager
def _rejects(settings: BartSettings) -> Iterator[Rejects]:
    """The first process alone writes the list."""
    path = rejects_path(settings) if PartialState().is_main_process else None
    with Rejects(path, settings.strict) as rejects:
        yield rejects


def _written_columns(columns: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """An empty choice, which is how a list option says that it was not given, is no choice."""
    return columns or None
