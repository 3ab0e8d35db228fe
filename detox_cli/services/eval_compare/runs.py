"""Runs of ``detox eval generation``: what is in their folders, and whether they can be compared."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from detox_cli.data.lines import numbered_lines
from detox_cli.data.named import named_file
from detox_cli.errors import BadData, BadSettings
from detox_cli.runs.manifest import hash_file, read_manifest
from detox_cli.services.eval_generation.columns import Columns, columns_of
from detox_cli.services.eval_generation.figures import Counting, ratios_of
from detox_cli.services.eval_generation.own import F1, KL, TEXT
from detox_cli.services.eval_generation.protocols import PROTOCOLS
from detox_cli.services.eval_generation.stages import GENERATIONS, SCORES
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.clusters import Places, Ratio
from detox_cli.statistics.paired_ratios import Sums

COMMAND = "eval generation"
SUMMARY = "summary.json"
MEASURED_BY = {
    "text_perplexity": (TEXT, ("protocol", "window", "stride")),
    "f1": (F1, ()),
    "kl": (KL, ("protocol", "max_new_tokens", "kl_limit")),
}
"""Figures of the model itself: the file that each stands in, and the settings that change what it means."""
REPEAT = "run the same `detox eval generation` for every system, with nothing but the model changed"


@dataclass(frozen=True)
class Run:
    """A system's continuations, scored.

    Attributes:
        name: What the system is called.
        folder: Where the run is.
        columns: The scores, prompt by prompt.
        counting: For how many continuations, and from which score on.
        scorers: The identity of everything that measures.
        prompts: A hash of all prompts, ids and texts.
        model: What wrote, as far as the run says.
        seconds: How long the writing took; ``None`` if nothing was written.
        own: What was measured of the model itself, such as its divergence from its base.
        own_by: What these figures were measured with, such as the base.
        unread: Languages in which a scorer's scores mean nothing, by scorer.
    """

    name: str
    folder: Path
    columns: Columns
    counting: Counting
    scorers: Mapping[str, str]
    prompts: str
    model: Mapping[str, str]
    seconds: float | None
    own: Mapping[str, Estimate]
    own_by: Mapping[str, str]
    unread: Mapping[str, Sequence[str]]

    def sums(self, rows: Places | None = None) -> dict[str, Sums]:
        """Every figure of all prompts, or of ``rows`` of them: what each unit puts above and below the line.

        Units of which no prompt is among the rows are left out.
        """
        chosen = np.arange(len(self.columns)) if rows is None else rows
        units = np.unique(self.columns.units[chosen], return_inverse=True)[1]
        count = int(units.max(initial=-1)) + 1
        return {
            name: Sums(
                np.bincount(units, weights=ratio.above[chosen], minlength=count).astype(np.float64),
                np.bincount(units, weights=ratio.below[chosen], minlength=count).astype(np.float64),
                ratio.exponential,
            )
            for name, ratio in self.ratios.items()
            if ratio.take(chosen).n
        }

    @cached_property
    def ratios(self) -> dict[str, Ratio]:
        """Every figure, prompt by prompt."""
        return ratios_of(self.columns, self.counting)

    @property
    def decisive(self) -> list[str]:
        """What decides a comparison: the scores, and how they are counted."""
        own = str(sorted(self.own.items()))
        return [self.name, hash_file(self.folder / SCORES), self.prompts, str(self.counting), own]


def are_runs(files: Sequence[str]) -> bool:
    """Whether these are folders of ``detox eval generation``.

    Raises:
        BadSettings: Some are and some are not.
        BadData: One is not there.
    """
    found = [_is_run(named_file(file)[1]) for file in files]
    if any(found) and not all(found):
        other = files[found.index(False)]
        if not Path(path := named_file(other)[1]).exists():
            raise BadData("there is no such file or folder", where=path, hint="see that its run has ended")
        raise BadSettings(
            "rewrites and runs of eval generation cannot be compared",
            where=other,
            hint="give folders of `detox eval generation` only, or files of rewrites only",
        )
    return bool(found) and all(found)


def read_runs(files: Sequence[str], seed: int, resamples: int) -> list[Run]:
    """The runs in ``FOLDER`` or ``NAME=FOLDER``; they measure the same prompts in the same way.

    Raises:
        BadSettings: Two systems have one name, or runs differ in prompts, scorers, k or threshold.
        BadData: A run is unfinished, or a file of it was changed.
    """
    runs = [_read(*named_file(file), seed, resamples) for file in files]
    names = [run.name for run in runs]
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise BadSettings(f"two systems are called {twice[0]!r}", hint="name them: NAME=FOLDER")
    for run in runs[1:]:
        _check_same(runs[0], run)
    return [_aligned(run, runs[0].columns.ids) for run in runs]


def _is_run(file: str) -> bool:
    folder = Path(file)
    if not folder.is_dir():
        return False
    manifest = read_manifest(folder)
    return (manifest or {}).get("command") == COMMAND or (folder / SCORES).is_file()


def _read(name: str | None, file: str, seed: int, resamples: int) -> Run:
    folder = Path(file)
    manifest, written = read_manifest(folder), read_manifest(folder / GENERATIONS)
    if manifest is None or not (folder / SUMMARY).is_file() or not (folder / SCORES).is_file():
        raise BadData("this run is not finished", where=file, hint="repeat its command, which goes on")
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        settings = manifest["settings"]
        protocol = PROTOCOLS[settings["protocol"]]
        limit = settings["threshold"]
        counting = Counting(
            tuple(summary["ks"]),
            protocol.threshold if limit is None else float(limit),
            protocol.strict,
            seed,
            resamples,
            protocol.share_threshold if limit is None else None,
        )
        scorers, model = dict(summary["scorers"]), dict(summary["model"])
        columns = columns_of(_rows(folder / SCORES))
        own = {key: Estimate.of_parts(one) for key, one in summary.get("own", {}).items()}
        unread = dict(summary["unread"])
    except (ValueError, KeyError, TypeError) as error:
        hint = "run `detox eval generation` again with this version"
        raise BadData(f"no run that this version can read, see {error}", where=file, hint=hint) from error
    seconds = (written or {}).get("wall_seconds") if model else None
    prompts = _prompts(folder / GENERATIONS)
    called = name or folder.name
    own_by = {figure: _measured_by(folder, *how) for figure, how in MEASURED_BY.items() if figure in own}
    return Run(called, folder, columns, counting, scorers, prompts, model, seconds, own, own_by, unread)


def unlike_figures(runs: Sequence[Run]) -> list[str]:
    """Figures of the models themselves that were measured in different ways, a line each."""
    found = []
    for figure in MEASURED_BY:
        ways = {run.own_by[figure] for run in runs if figure in run.own_by}
        if len(ways) > 1:
            found.append(f"{figure} does not compare: it was measured by {' and by '.join(sorted(ways))}")
    return found


def _measured_by(folder: Path, file: str, names: Sequence[str]) -> str:
    """Base, files (by their first digits) and settings of a figure, as its own manifest has them."""
    made = read_manifest(folder / file) or {}
    base = made.get("models", {}).get("base", {})
    parts = [f"base {base['name']} {base.get('fingerprint', '')}"] if base else []
    parts += [f"file {one['sha256'][:8]}" for one in made.get("inputs", {}).values() if "sha256" in one]
    parts += [f"{name} {made['settings'][name]}" for name in names if made.get("settings", {}).get(name)]
    return ", ".join(parts)


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    return (json.loads(line) for _, line in numbered_lines(str(path)) if line.strip())


def _prompts(path: Path) -> str:
    """A hash of ids and texts, whatever their order."""
    if not path.is_file():
        raise BadData("the run has lost its continuations", where=str(path), hint="repeat its command")
    lines = sorted(json.dumps([row["id"], row["prompt"]]) for row in _rows(path))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _check_same(first: Run, other: Run) -> None:
    """Raise ``BadSettings`` where the difference of two runs would not be one of their systems."""
    names = f"{first.name} and {other.name}"
    if first.scorers != other.scorers:
        raise BadSettings(f"{names} are not measured by the same: {_unlike(first, other)}", hint=REPEAT)
    if first.prompts != other.prompts:
        counts = f"{len(first.columns)} and {len(other.columns)}"
        raise BadSettings(f"{names} continue different prompts ({counts})", hint=REPEAT)
    if first.counting.ks != other.counting.ks:
        ks = " and ".join(",".join(map(str, run.counting.ks)) for run in (first, other))
        raise BadSettings(f"{names} have different k, {ks}", hint=f"{REPEAT}; or give both the same --k")
    if (first.counting.threshold, first.counting.strict) != (other.counting.threshold, other.counting.strict):
        limits = f"{first.counting.threshold} and {other.counting.threshold}"
        raise BadSettings(f"{names} call toxic what has different scores, {limits}", hint=REPEAT)


def _unlike(first: Run, other: Run) -> str:
    for name in {**first.scorers, **other.scorers}:
        mine, theirs = first.scorers.get(name, "nothing"), other.scorers.get(name, "nothing")
        if mine != theirs:
            return f"{name} by {mine} against {theirs}"
    return ""


def _aligned(run: Run, ids: Sequence[str]) -> Run:
    """The same run, which has the prompts in another order."""
    if list(run.columns.ids) == list(ids):
        return run
    by_id = {row["id"]: row for row in _rows(run.folder / SCORES)}
    return replace(run, columns=columns_of(by_id[row_id] for row_id in ids))
