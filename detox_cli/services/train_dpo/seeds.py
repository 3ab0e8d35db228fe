"""The same tuning with several seeds: what of a figure is the method's, and what is luck.

All seeds train on the same rows and are measured on the same ones; the seed decides the order of the rows,
the start of an adapter, and what is drawn.
"""

import time
from collections.abc import Mapping
from pathlib import Path

from accelerate import PartialState
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.card import Figure, write_card
from detox_cli.runs.manifest import read_manifest, write_manifest
from detox_cli.runs.output import State
from detox_cli.services.result import Cell, Result, Table
from detox_cli.services.train_dpo.data import Data, rejects_path
from detox_cli.services.train_dpo.folder import model_card
from detox_cli.services.train_dpo.result import DpoResult
from detox_cli.services.train_dpo.single import identity_of, train_one
from detox_cli.services.training.processes import claimed, is_first
from detox_cli.services.training.recipe import start_record
from detox_cli.services.training.seeds import gather, seed_folder, tidy_seeds
from detox_cli.settings.train_dpo import DpoSettings
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.repeats import repeats_interval

SHARES = ("expected_maximum", "probability", "mean", "rewards/accuracies")
"""Measures that lie between 0 and 1."""


class SeedRun(BaseModel):
    """One of the trainings."""

    model_config = ConfigDict(frozen=True)

    seed: int
    folder: str = Field(description="Where its model is, in the output.")
    result: DpoResult


class DpoSeedsResult(Result):
    """Several trainings that differ in their seed."""

    over_seeds: dict[str, Estimate] = Field(
        description="Mean over seeds of what the kept steps measured, with an interval by Student's t."
    )
    after_over_seeds: dict[str, Estimate] = Field(description="The same of the closing continuations.")
    best: int = Field(description="The seed whose model stands in the output itself.")
    best_by: str = Field(description="What it was chosen by.")
    seeds: list[SeedRun]

    def tables(self) -> list[Table]:
        """Means over seeds, and each seed."""
        caption = f"mean [95 % interval by Student's t] of {len(self.seeds)} seeds"
        found = []
        for title, means, each in (
            ("continuations after tuning", self.after_over_seeds, "after"),
            ("held-out preferences", self.over_seeds, "chosen_at"),
        ):
            rows: list[list[Cell]] = [
                [name.replace("_", " "), str(mean), *(_shown(run.result, each, name) for run in self.seeds)]
                for name, mean in means.items()
            ]
            columns = ["measure", "mean of seeds", *(f"seed {run.seed}" for run in self.seeds)]
            found += [Table(title=title, columns=columns, rows=rows, caption=caption)] if rows else []
        return found

    def next_steps(self) -> list[str]:
        """Measure the best one."""
        return [f"detox eval generation {path} --prompts rtp" for path in self.files[:1]]

    def problem(self) -> DetoxError | None:
        """The best one is outside the budgets, and so is every other."""
        return next(run.result.problem() for run in self.seeds if run.seed == self.best)


def train_seeds(settings: DpoSettings, data: Data, progress: Progress) -> DpoSeedsResult:
    """Train once per seed, then put all models and the summary into ``settings.output``.

    Until then the finished seeds wait in ``OUTPUT.training``; a killed run goes on within its seed.
    """
    started = time.time()
    source = find_model(settings.model, settings.revision)
    identity = identity_of(settings, data, source)
    with claimed(settings.output, identity, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.stage("this run is finished already")
            return _earlier_result(settings.output)
        # An open journal is what tells a later run that this one has begun.
        journal = claim.open_journal() if is_first() else None
        results = {}
        for number, seed in enumerate(settings.seeds, start=1):
            progress.stage(f"seed {seed}, {number} of {len(settings.seeds)}")
            results[seed] = train_one(settings_of_seed(settings, seed), data, progress)
        if journal is not None:
            journal.close()
            _assemble(settings, summary(settings, results), source, claim.fingerprint, started)
            keep = settings.keep_checkpoints or settings.keep_best > 0
            tidy_seeds(settings.output, settings.seeds, keep=keep)
            claim.finish()
        PartialState().wait_for_everyone()
        return _earlier_result(settings.output)


def settings_of_seed(settings: DpoSettings, seed: int) -> DpoSettings:
    """One training of several: its own seed and place, the split of all."""
    own = {
        "seeds": (),
        "seed": seed,
        "split_seed": settings.seed if settings.split_seed is None else settings.split_seed,
        "output": seed_folder(settings.output, seed),
        "rejects": rejects_path(settings),
        "overwrite": False,
    }
    return settings.model_copy(update=own)


def summary(settings: DpoSettings, results: Mapping[int, DpoResult]) -> DpoSeedsResult:
    """Each training, and the mean of their figures."""
    runs = [SeedRun(seed=s, folder=f"seed-{s}", result=result) for s, result in results.items()]
    best, best_by = choose(settings, results)
    return DpoSeedsResult(
        files=[settings.output],
        over_seeds=_means({s: result.chosen_at for s, result in results.items()}),
        after_over_seeds=_means(
            {s: {name: e.mean for name, e in result.after.items()} for s, result in results.items()}
        ),
        best=best,
        best_by=best_by,
        seeds=runs,
    )


def choose(settings: DpoSettings, results: Mapping[int, DpoResult]) -> tuple[int, str]:
    """The best seed by what chooses steps, never by the closing figures; within the budgets first."""
    name = "expected_maximum" if settings.select == "toxicity" else "loss"
    if not all(name in result.chosen_at for result in results.values()):
        return next(iter(results)), "the first: nothing was held out to compare them with"
    best = min(results, key=lambda seed: (not results[seed].within_budget, results[seed].chosen_at[name]))
    return best, f"which has the lowest {name.replace('_', ' ')} where steps are chosen"


def _means(found: Mapping[int, Mapping[str, float]]) -> dict[str, Estimate]:
    """Over seeds, of what every seed has."""
    names = [name for name in next(iter(found.values())) if all(name in one for one in found.values())]
    bounds = {name: ((0.0, 1.0),) if name in SHARES else () for name in names}
    return {name: repeats_interval([one[name] for one in found.values()], *bounds[name]) for name in names}


def _shown(result: DpoResult, which: str, name: str) -> str:
    value = getattr(result, which)[name]
    return f"{value.mean:.3f}" if isinstance(value, Estimate) else f"{value:.4g}"


def _assemble(
    settings: DpoSettings, result: DpoSeedsResult, source: ModelSource, fingerprint: str, started: float
) -> None:
    """The folder of all seeds: the best one's files, a folder for each, card and manifest."""
    trained = {run.seed: seed_folder(settings.output, run.seed) for run in result.seeds}
    own = next(run.result for run in result.seeds if run.seed == result.best)
    text = (
        f"The model here is that of seed {result.best}, {result.best_by}; every seed has a folder. The "
        f"figures above are means over seeds, n counts seeds, and their intervals are Student's t."
    )
    means = {**result.over_seeds, **result.after_over_seeds}
    data = f"mean of {len(result.seeds)} seeds"
    figures = [Figure(name, e.mean, e.low, e.high, e.n, data) for name, e in means.items()]
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        gather(folder, trained, result.best)
        write_card(folder, model_card(settings, own, source, figures, {"Seeds": text}))
        best = read_manifest(trained[result.best]) or {}
        write_manifest(
            folder,
            command="train dpo",
            settings=settings.model_dump(mode="json"),
            inputs=list(best.get("inputs", {})),
            models={"start": start_record(source)},
            scorers=best.get("scorers", {}),
            metrics=result.model_dump(mode="json", exclude={"files"}),
            started=started,
            fingerprint=fingerprint,
        )


def _earlier_result(output: Path) -> DpoSeedsResult:
    manifest = read_manifest(output)
    assert manifest is not None
    return DpoSeedsResult(files=[output], **manifest["metrics"])
