"""The same tuning with several seeds: what of a figure is the method's, and what is luck.

All seeds train on the same rows and are measured on the same ones; the seed decides the order of the rows,
the start of an adapter, and what is drawn.
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError
from detox_cli.runs.card import Card
from detox_cli.services.result import ROWS, AtHand, Cell, Table
from detox_cli.services.train_dpo.folder import DpoRun, model_card
from detox_cli.services.train_dpo.result import DpoResult, in_words
from detox_cli.services.train_dpo.single import DPO
from detox_cli.services.training.seeds import (
    CAPTION,
    Seeds,
    SeedsResult,
    figures_over_seeds,
    means_over_seeds,
    seed_name,
)
from detox_cli.settings.train_dpo import DpoSettings
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.repeats import Repeats

SHARES = {
    *("expected_maximum", "probability", "mean", "share", "clean", "rewards/accuracies", "within_budget"),
    *("copies", "empties", "refusals", "repetition", "self_bleu", "dist_1", "dist_2", "dist_3"),
    "in_language",
}
"""Measures that lie between 0 and 1."""


class SeedRun(BaseModel):
    """One of the trainings."""

    model_config = ConfigDict(frozen=True)

    seed: int
    folder: str = Field(description="Where its model is, in the output.")
    result: DpoResult


class DpoSeedsResult(SeedsResult):
    """Several trainings that differ in their seed."""

    over_seeds: dict[str, Repeats] = Field(
        description="Mean over seeds of what the kept steps measured, with an interval by Student's t."
    )
    before_over_seeds: dict[str, Repeats] = Field(description="The same of continuations of the start.")
    after_over_seeds: dict[str, Repeats] = Field(description="And of the closing continuations.")
    seeds: list[SeedRun]

    def tables(self) -> list[Table]:
        """Means over seeds, and each seed."""
        caption = f"{CAPTION}; {len(self.seeds)} seeds; the model in the output is that of seed {self.best}"
        found = self.seeds[0].result.noted()
        for title, means, each in (
            ("continuations after tuning", self.after_over_seeds, "after"),
            ("held-out preferences", self.over_seeds, "chosen_at"),
        ):
            before = self.before_over_seeds if each == "after" else {}
            rows: list[list[Cell]] = [
                [
                    in_words(name),
                    *([f"{before[name].mean:.3f}"] if before else []),
                    str(mean),
                    *(_shown(run.result, each, name) for run in self.seeds),
                ]
                for name, mean in means.items()
            ]
            seeds = (f"seed {run.seed}" for run in self.seeds)
            columns = ["measure", *(["before"] if before else []), "mean of seeds", *seeds]
            found += [Table(title=title, columns=columns, rows=rows, caption=caption)] if rows else []
        return found

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Measure the best one."""
        return [
            f"detox eval generation {path} --prompts {rows.prompts} -o measured" for path in self.files[:1]
        ]

    def problem(self) -> DetoxError | None:
        """The best one is outside the budgets, and so is every other."""
        return next(run.result.problem() for run in self.seeds if run.seed == self.best)


def summary(settings: DpoSettings, results: Mapping[int, DpoResult]) -> DpoSeedsResult:
    """Each training, and the mean of their figures."""
    runs = [SeedRun(seed=s, folder=seed_name(s), result=result) for s, result in results.items()]
    best, best_by = choose(settings, results)
    return DpoSeedsResult(
        files=[settings.output],
        over_seeds=means_over_seeds([result.chosen_at for result in results.values()], SHARES),
        before_over_seeds=_means([result.before for result in results.values()]),
        after_over_seeds=_means([result.after for result in results.values()]),
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


def _means(found: Sequence[Mapping[str, Estimate]]) -> dict[str, Repeats]:
    return means_over_seeds([{name: e.mean for name, e in one.items()} for one in found], SHARES)


def _shown(result: DpoResult, which: str, name: str) -> str:
    value = getattr(result, which)[name]
    return f"{value.mean:.3f}" if isinstance(value, Estimate) else f"{value:.4g}"


def _card(run: DpoRun, result: DpoSeedsResult, sections: Mapping[str, str]) -> Card:
    own = next(one.result for one in result.seeds if one.seed == result.best)
    after = {f"{in_words(name)}, after": mean for name, mean in result.after_over_seeds.items()}
    means = {**result.over_seeds, **after}
    figures = figures_over_seeds(means, f"mean of {len(result.seeds)} seeds")
    return model_card(run.settings, own, run.source, figures, sections)


DPO_SEEDS = Seeds(DPO, DpoSeedsResult, summary, _card)
