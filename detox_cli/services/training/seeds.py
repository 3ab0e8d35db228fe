"""The same training with several seeds: what of a figure is the method's, and what is luck.

All seeds train on the same rows and are measured on the same held-out ones. There is one folder for all of
them, with the best one's files in it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import Field

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress
from detox_cli.runs.card import Card, Figure
from detox_cli.runs.manifest import NAME as MANIFEST
from detox_cli.runs.manifest import read_manifest
from detox_cli.services.result import Result
from detox_cli.services.training.processes import training_folder
from detox_cli.services.training.several_runs import Member, member_settings, train_several
from detox_cli.services.training.single_run import D, Kind, R, Run, TrainingSettings, train_one
from detox_cli.services.training.waiting import link, put_into
from detox_cli.statistics.repeats import Repeats, repeats_interval

CARD = "README.md"
CAPTION = "mean ± standard deviation over seeds [95 % interval of the mean by Student's t]"


class SeedsSettings(TrainingSettings, Protocol):
    """Settings of a command that can train with several seeds."""

    @property
    def seeds(self) -> tuple[int, ...]: ...  # noqa: D102


class SeedsResult(Result):
    """Several trainings that differ in their seed."""

    best: int = Field(description="The seed whose model stands in the output itself.")
    best_by: str = Field(description="What it was chosen by.")

    @property
    def told(self) -> str:
        """What a card says about the seeds."""
        return (
            f"The model here is that of seed {self.best}, {self.best_by}; every seed has a folder. The "
            f"figures above are means over seeds, n counts seeds, and their intervals are Student's t."
        )


P = TypeVar("P", bound=SeedsSettings)
M = TypeVar("M", bound=SeedsResult)


@dataclass(frozen=True)
class Seeds(Generic[P, D, R, M]):
    """What is particular to several seeds of one kind of training.

    Attributes:
        kind: Of each training.
        result: What is reported about all.
        summary: Makes it of each seed's result.
        card: What the card of all says; it is given the section about seeds.
    """

    kind: Kind[P, D, R]
    result: type[M]
    summary: Callable[[P, Mapping[int, R]], M]
    card: Callable[[Run[P, D], M, Mapping[str, str]], Card]


def check_seeds(seeds: Sequence[int]) -> None:
    """Raise ``BadSettings`` for a single seed, or one that is there twice; none at all is fine."""
    if seeds and len(set(seeds)) < max(2, len(seeds)):
        raise BadSettings(
            "several seeds are at least two, and different ones",
            where="--seeds",
            hint="write --seeds 0,1,2; for one training there is --seed",
        )


def train_each_seed(seeds: Seeds[P, D, R, M], settings: P, data: D, progress: Progress) -> R | M:
    """Train once, or where several seeds are asked for once for each of them."""
    if settings.seeds:
        return train_seeds(seeds, settings, data, progress)
    return train_one(seeds.kind, settings, data, progress)


def train_seeds(seeds: Seeds[P, D, R, M], settings: P, data: D, progress: Progress) -> M:
    """Train once per seed, then put all models and the summary into ``settings.output``."""
    members = [
        Member(f"seed {seed}", member_settings(settings, seed_name(seed), seeds=(), seed=seed), data)
        for seed in settings.seeds
    ]
    assemble = partial(_assemble, seeds)
    return train_several(seeds.kind, settings, data, members, assemble, seeds.result, progress)


def seed_name(seed: int) -> str:
    """The folder of a seed in the output."""
    return f"seed-{seed}"


def means_over_seeds(
    found: Sequence[Mapping[str, float]], shares: Collection[str] = ()
) -> dict[str, Repeats]:
    """The mean of each measure that every seed has; ``shares`` names those that lie between 0 and 1."""
    names = [name for name in found[0] if all(name in one for one in found)]
    bounds = {name: ((0.0, 1.0),) if name in shares else () for name in names}
    return {name: repeats_interval([one[name] for one in found], *bounds[name]) for name in names}


def figures_over_seeds(means: Mapping[str, Repeats], data: str) -> list[Figure]:
    """The same for a card."""
    return [Figure(name, e.mean, e.low, e.high, e.n, data) for name, e in means.items()]


def _assemble(seeds: Seeds[P, D, R, M], run: Run[P, D], folder: Path, results: Sequence[R]) -> None:
    """The folder of all seeds: the best one's files, a folder for each, card and manifest."""
    result = seeds.summary(run.settings, dict(zip(run.settings.seeds, results, strict=True)))
    waiting = training_folder(run.settings.output)
    trained = {seed: waiting / seed_name(seed) for seed in run.settings.seeds}
    put_into(folder, trained.values())
    _put_best(folder, trained[result.best])
    run.write_card(folder, seeds.card(run, result, {"Seeds": result.told}))
    best = read_manifest(trained[result.best]) or {}
    run.describe(folder, result, list(best.get("inputs", {})), best.get("scorers", {}))


def _put_best(folder: Path, best: Path) -> None:
    """Its files, but for card and manifest, which all seeds have in common."""
    for path in best.iterdir():
        if path.name in (MANIFEST, CARD):
            continue
        if path.is_dir():
            put_into(folder, [path])
        else:
            link(path, folder / path.name)
