"""The same training with several seeds: what of a figure is the method's, and what is luck.

All seeds train on the same rows and are measured on the same held-out ones; the seed decides the order of the
rows and the dropout.
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.runs.card import Card
from detox_cli.services.result import ROWS, AtHand, Cell, Table
from detox_cli.services.train_bart.abstain import Abstaining
from detox_cli.services.train_bart.files import FileRows, file_table
from detox_cli.services.train_bart.folder import BartRun, rewriter_card
from detox_cli.services.train_bart.result import BartResult
from detox_cli.services.train_bart.single import BART
from detox_cli.services.training.leaks import Leak, leak_table
from detox_cli.services.training.seeds import (
    CAPTION,
    Seeds,
    SeedsResult,
    figures_over_seeds,
    means_over_seeds,
    seed_name,
)
from detox_cli.settings.train import BartSettings
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.repeats import Repeats


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


class BartSeedsResult(SeedsResult):
    """Several trainings that differ in their seed."""

    rows: dict[str, int] = Field(description="Rows used, held out and left out, by reason.")
    files_read: list[FileRows] = Field(description="What became of the pairs of each file.")
    leaks: list[Leak] = Field(description="Sources that stand in two places.")
    measured_on: str = Field(description="Which rows the quality was measured on.")
    over_seeds: dict[str, Repeats] = Field(description="Mean over seeds, with an interval by Student's t.")
    abstaining_over_seeds: dict[str, Repeats] = Field(
        description="The same of precision, recall and false abstentions, where every seed has them."
    )
    copy_quality: dict[str, Estimate] = Field(description="The same measures of plain copying, over rows.")
    seeds: list[SeedRun]

    def tables(self) -> list[Table]:
        """Means over seeds, each seed, then the rows."""
        names = list(self.over_seeds)
        systems: dict[str, Mapping[str, Estimate]] = {"mean of seeds": self.over_seeds}
        systems |= {f"seed {run.seed}": run.quality for run in self.seeds} | {"copy": self.copy_quality}
        lines: list[list[Cell]] = [
            [system, *(str(quality[name]) for name in names)] for system, quality in systems.items()
        ]
        caption = (
            f"{CAPTION}, of one seed over rows; {self.measured_on}; "
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

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Use the best one."""
        return [f"detox generate {path} {rows.toxic} -o neutral.jsonl" for path in self.files[:1]]


def summary(settings: BartSettings, results: Mapping[int, BartResult]) -> BartSeedsResult:
    """What the trainings have in common, each of them, and the mean of their figures."""
    first = next(iter(results.values()))
    runs = [
        SeedRun(
            seed=seed,
            folder=seed_name(seed),
            steps=result.steps,
            kept_step=result.kept_step,
            chosen_at=result.chosen_at,
            quality=result.quality.get("model", {}),
            abstaining=result.abstaining,
        )
        for seed, result in results.items()
    ]
    best, best_by = choose(runs, settings)
    return BartSeedsResult(
        files=[settings.output],
        rows=first.rows,
        files_read=first.files_read,
        leaks=first.leaks,
        measured_on=first.measured_on,
        over_seeds=_means([{name: e.mean for name, e in run.quality.items()} for run in runs]),
        abstaining_over_seeds=_means([_declining(run.abstaining) for run in runs]),
        copy_quality=first.quality.get("copy", {}),
        best=best,
        best_by=best_by,
        seeds=runs,
    )


def _means(found: Sequence[Mapping[str, float]]) -> dict[str, Repeats]:
    """All of these measures are shares."""
    return means_over_seeds(found, shares=found[0])


def _declining(found: Abstaining | None) -> dict[str, float]:
    measures = ("precision", "recall", "false_abstentions")
    return {name: one.mean for name in measures if (one := getattr(found, name, None)) is not None}


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


def _card(run: BartRun, result: BartSeedsResult, sections: Mapping[str, str]) -> Card:
    figures = figures_over_seeds(
        result.over_seeds, f"mean of {len(result.seeds)} seeds; {result.measured_on}"
    )
    return rewriter_card(run.settings, result.files_read, result.leaks, figures, sections)


BART_SEEDS = Seeds(BART, BartSeedsResult, summary, _card)
