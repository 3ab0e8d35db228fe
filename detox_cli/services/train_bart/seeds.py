"""The same training with several seeds: what of a figure is the method's, and what is luck.

All seeds train on the same rows and are measured on the same held-out ones; the seed decides the order of the
rows and the dropout.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from accelerate import PartialState
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.card import Card, Figure, write_card
from detox_cli.runs.manifest import read_manifest, write_manifest
from detox_cli.runs.output import State
from detox_cli.services.result import Cell, Result, Table
from detox_cli.services.train_bart.abstain import Abstaining
from detox_cli.services.train_bart.data import Data, rejects_path
from detox_cli.services.train_bart.files import FileRows, file_table
from detox_cli.services.train_bart.folder import rewriter_card
from detox_cli.services.train_bart.result import BartResult
from detox_cli.services.train_bart.single import identity_of, train_one
from detox_cli.services.training.leaks import Leak, leak_table
from detox_cli.services.training.processes import claimed, training_folder
from detox_cli.services.training.recipe import start_record
from detox_cli.services.training.seeds import gather, seed_folder, tidy_seeds
from detox_cli.settings.train import BartSettings
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.repeats import repeats_interval

SHARES = (0.0, 1.0)
"""What all measures lie between."""


class SeedRun(BaseModel):
    """One of the trainings."""

    model_config = ConfigDict(frozen=True)

    seed: int
    folder: str = Field(description="Where its model is, in the output.")
    steps: int
    kept_step: int
    chosen_at: dict[str, float] = Field(description="What the kept step measured on the rows that choose.")
    quality: dict[str, Estimate] = Field(description="Of this model, with intervals over rows.")
    abstaining: Abstaining | None = Field(None, description="How well it declines, if it learnt to.")


class SeedsResult(Result):
    """Several trainings that differ in their seed."""

    rows: dict[str, int] = Field(description="Rows used, held out and left out, by reason.")
    files_read: list[FileRows] = Field(description="What became of the pairs of each file.")
    leaks: list[Leak] = Field(description="Sources that stand in two places.")
    measured_on: str = Field(description="Which rows the quality was measured on.")
    over_seeds: dict[str, Estimate] = Field(description="Mean over seeds, with an interval by Student's t.")
    abstaining_over_seeds: dict[str, Estimate] = Field(
        description="The same of precision, recall and false abstentions, where every seed has them."
    )
    copy_quality: dict[str, Estimate] = Field(description="The same measures of plain copying, over rows.")
    best: int = Field(description="The seed whose model stands in the output itself.")
    best_by: str = Field(description="What it was chosen by.")
    seeds: list[SeedRun]

    def tables(self) -> list[Table]:
        """Means over seeds, each seed, then the rows."""
        names = list(self.over_seeds)
        systems = {f"seed {run.seed}": run.quality for run in self.seeds}
        systems = {"mean of seeds": self.over_seeds, **systems, "copy": self.copy_quality}
        lines: list[list[Cell]] = [
            [system, *(str(quality[name]) for name in names)] for system, quality in systems.items()
        ]
        caption = (
            f"mean [95 % interval]: over seeds by Student's t, of one seed over rows; {self.measured_on}; "
            f"the model in the output is that of seed {self.best}, {self.best_by}"
        )
        title = f"quality of the rewrites, {len(self.seeds)} seeds"
        quality = (
            [Table(title=title, columns=["system", *names], rows=lines, caption=caption)] if names else []
        )
        rows: list[list[Cell]] = [
            [name.replace("_", " "), str(estimate), estimate.n]
            for name, estimate in self.abstaining_over_seeds.items()
        ]
        title = "declining, mean of seeds"
        quality += [Table(title=title, columns=["measure", "value", "n"], rows=rows)] if rows else []
        counted: list[list[Cell]] = [[name, count] for name, count in self.rows.items()]
        several = [file_table(self.files_read)] if len(self.files_read) > 1 else []
        shared = [leak_table(self.leaks)] if len(self.leaks) > 1 else []
        return [*quality, Table(title="rows", columns=["rows", "count"], rows=counted), *several, *shared]

    def next_steps(self) -> list[str]:
        """Use the best one."""
        return [f"detox generate {path} toxic.txt -o neutral.jsonl" for path in self.files[:1]]


def train_seeds(settings: BartSettings, data: Data, progress: Progress) -> SeedsResult:
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
        journal = claim.open_journal() if PartialState().is_main_process else None
        results = {}
        for number, seed in enumerate(settings.seeds, start=1):
            progress.stage(f"seed {seed}, {number} of {len(settings.seeds)}")
            results[seed] = train_one(settings_of_seed(settings, seed), data, progress)
        if journal is not None:
            journal.close()
            _assemble(settings, summary(settings, results), source, claim.fingerprint, started)
            tidy_seeds(
                settings.output, settings.seeds, keep=settings.keep_checkpoints or settings.keep_best > 0
            )
            claim.finish()
        PartialState().wait_for_everyone()
        return _earlier_result(settings.output)


def settings_of_seed(settings: BartSettings, seed: int) -> BartSettings:
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


def summary(settings: BartSettings, results: Mapping[int, BartResult]) -> SeedsResult:
    """What the trainings have in common, each of them, and the mean of their figures."""
    first = next(iter(results.values()))
    runs = [
        SeedRun(
            seed=seed,
            folder=f"seed-{seed}",
            steps=result.steps,
            kept_step=result.kept_step,
            chosen_at=result.chosen_at,
            quality=result.quality.get("model", {}),
            abstaining=result.abstaining,
        )
        for seed, result in results.items()
    ]
    best, best_by = choose(runs, settings)
    return SeedsResult(
        files=[settings.output],
        rows=first.rows,
        files_read=first.files_read,
        leaks=first.leaks,
        measured_on=first.measured_on,
        over_seeds={
            name: repeats_interval([run.quality[name].mean for run in runs], SHARES)
            for name in runs[0].quality
        },
        abstaining_over_seeds=_declining([run.abstaining for run in runs if run.abstaining], len(runs)),
        copy_quality=first.quality.get("copy", {}),
        best=best,
        best_by=best_by,
        seeds=runs,
    )


def _declining(found: Sequence[Abstaining], seeds: int) -> dict[str, Estimate]:
    measures = {
        name: [estimate.mean for one in found if (estimate := getattr(one, name)) is not None]
        for name in ("precision", "recall", "false_abstentions")
    }
    return {name: repeats_interval(means, SHARES) for name, means in measures.items() if len(means) == seeds}


def choose(runs: Sequence[SeedRun], settings: BartSettings) -> tuple[int, str]:
    """The best seed by the rows that choose checkpoints, never by those of the closing measurement."""
    if settings.select == "j" and all("J" in run.chosen_at for run in runs):
        return max(
            runs, key=lambda run: run.chosen_at["J"]
        ).seed, "which has the best J on the rows that choose"
    if all("loss" in run.chosen_at for run in runs):
        lowest = min(runs, key=lambda run: run.chosen_at["loss"])
        return lowest.seed, "which has the lowest loss on held-out rows"
    return runs[0].seed, "the first: nothing was held out to compare them with"


def _assemble(
    settings: BartSettings, result: SeedsResult, source: ModelSource, fingerprint: str, started: float
) -> None:
    """The folder of all seeds: the best one's files, a folder for each, card and manifest."""
    trained = {run.seed: training_folder(settings.output) / run.folder for run in result.seeds}
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        gather(folder, trained, result.best)
        write_card(folder, _card(settings, result))
        best = read_manifest(trained[result.best]) or {}
        write_manifest(
            folder,
            command="train bart",
            settings=settings.model_dump(mode="json"),
            inputs=list(best.get("inputs", {})),
            models={"start": start_record(source)},
            scorers=best.get("scorers", {}),
            metrics=result.model_dump(mode="json", exclude={"files"}),
            started=started,
            fingerprint=fingerprint,
        )


def _card(settings: BartSettings, result: SeedsResult) -> Card:
    data = f"mean of {len(result.seeds)} seeds; {result.measured_on}"
    figures = [Figure(name, e.mean, e.low, e.high, e.n, data) for name, e in result.over_seeds.items()]
    text = (
        f"The model here is that of seed {result.best}, {result.best_by}; every seed has a folder. The "
        f"figures above are means over seeds, n counts seeds, and their intervals are Student's t."
    )
    return rewriter_card(settings, result.files_read, result.leaks, figures, {"Seeds": text})


def _earlier_result(output: Path) -> SeedsResult:
    manifest = read_manifest(output)
    assert manifest is not None
    return SeedsResult(files=[output], **manifest["metrics"])
