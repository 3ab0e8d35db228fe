"""The same training with several seeds: what of a figure is the method's, and what is luck."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.runs.card import Card
from detox_cli.services.result import Cell, Table
from detox_cli.services.train_spans.folder import SpansRun, detector_card
from detox_cli.services.train_spans.result import MEASURES, MODEL, SpansResult
from detox_cli.services.train_spans.single import SPANS
from detox_cli.services.training.seeds import (
    CAPTION,
    Seeds,
    SeedsResult,
    figures_over_seeds,
    means_over_seeds,
    seed_name,
)
from detox_cli.settings.train_spans import SpansSettings
from detox_cli.statistics.repeats import Repeats


class SeedRun(BaseModel):
    """One of the trainings."""

    model_config = ConfigDict(frozen=True)

    seed: int
    folder: str = Field(description="Where its model is, in the output.")
    result: SpansResult


class SpansSeedsResult(SeedsResult):
    """Several trainings that differ in their seed."""

    over_seeds: dict[str, Repeats] = Field(description="Mean over seeds, with an interval by Student's t.")
    seeds: list[SeedRun]

    def tables(self) -> list[Table]:
        """Means over seeds, each seed, and the baselines."""
        first = self.seeds[0].result
        lines: list[list[Cell]] = [["mean of seeds", *(str(e) for e in self.over_seeds.values())]]
        systems = {f"seed {run.seed}": run.result.quality.get(MODEL, {}) for run in self.seeds}
        systems |= {name: found for name, found in first.quality.items() if name != MODEL}
        lines += [[name, *(str(found[m]) for m in MEASURES)] for name, found in systems.items() if found]
        caption = f"{CAPTION}, of one seed over texts; {first.measured_on}; in the output is seed {self.best}"
        columns = ["system", "character F1", "precision", "recall"]
        counted: list[list[Cell]] = [[name, count] for name, count in first.rows.items()]
        found = [Table(title="toxic spans", columns=columns, rows=lines, caption=caption)]
        return [
            *(found if self.over_seeds else []),
            Table(title="texts", columns=["texts", "count"], rows=counted),
        ]


def summary(settings: SpansSettings, results: Mapping[int, SpansResult]) -> SpansSeedsResult:
    """Each training, and the mean of their figures; the best is chosen by the texts that choose."""
    runs = [SeedRun(seed=s, folder=seed_name(s), result=result) for s, result in results.items()]
    quality = [{n: e.mean for n, e in run.result.quality.get(MODEL, {}).items()} for run in runs]
    chosen = all("F1" in run.result.chosen_at for run in runs)
    best = max(runs, key=lambda run: run.result.chosen_at["F1"]) if chosen else runs[0]
    return SpansSeedsResult(
        files=[settings.output],
        over_seeds=means_over_seeds(quality, shares=quality[0]),
        best=best.seed,
        best_by="which has the best F1 on the texts that choose" if chosen else "the first",
        seeds=runs,
    )


def _card(run: SpansRun, result: SpansSeedsResult, sections: Mapping[str, str]) -> Card:
    best = next(one.result for one in result.seeds if one.seed == result.best)
    figures = figures_over_seeds(result.over_seeds, f"mean of {len(result.seeds)} seeds; {best.measured_on}")
    return detector_card(run.settings, best, figures, sections)


SPANS_SEEDS = Seeds(SPANS, SpansSeedsResult, summary, _card)
