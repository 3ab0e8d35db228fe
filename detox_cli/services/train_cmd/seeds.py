"""The same tuning with several seeds: what of a figure is the method's, and what is luck."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.runs.card import Card
from detox_cli.services.result import ROWS, AtHand, Cell, Table
from detox_cli.services.train_cmd.folder import CmdRun, model_card
from detox_cli.services.train_cmd.result import CmdResult
from detox_cli.services.train_cmd.single import CMD
from detox_cli.services.training.seeds import (
    CAPTION,
    Seeds,
    SeedsResult,
    figures_over_seeds,
    means_over_seeds,
    seed_name,
)
from detox_cli.settings.train_cmd import CmdSettings
from detox_cli.statistics.repeats import Repeats

SHARES = ("told_apart",)
"""Measures that lie between 0 and 1."""


class SeedRun(BaseModel):
    """One of the trainings."""

    model_config = ConfigDict(frozen=True)

    seed: int
    folder: str = Field(description="Where its model is, in the output.")
    result: CmdResult


class CmdSeedsResult(SeedsResult):
    """Several trainings that differ in their seed."""

    over_seeds: dict[str, Repeats] = Field(
        description="Mean over seeds of what the kept steps measured, with an interval by Student's t."
    )
    seeds: list[SeedRun]

    def tables(self) -> list[Table]:
        """Means over seeds, and each seed."""
        rows: list[list[Cell]] = [
            [
                name.replace("_", " "),
                str(mean),
                *(f"{run.result.chosen_at[name]:.4g}" for run in self.seeds),
            ]
            for name, mean in self.over_seeds.items()
        ]
        columns = ["measure", "mean of seeds", *(f"seed {run.seed}" for run in self.seeds)]
        caption = f"{CAPTION}; {len(self.seeds)} seeds; the model in the output is that of seed {self.best}"
        return [Table(title="held-out chains", columns=columns, rows=rows, caption=caption)] if rows else []

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Ask the best one."""
        return [
            f"detox eval generation {path} --prompts {rows.prompts} --chain cmd -o measured"
            for path in self.files[:1]
        ]


def summary(settings: CmdSettings, results: Mapping[int, CmdResult]) -> CmdSeedsResult:
    """Each training, and the mean of their figures; the best one lost least on held-out chains."""
    best, best_by = next(iter(results)), "the first: nothing was held out to compare them with"
    if all("loss" in result.chosen_at for result in results.values()):
        best = min(results, key=lambda seed: results[seed].chosen_at["loss"])
        best_by = "which has the lowest loss on held-out chains"
    return CmdSeedsResult(
        files=[settings.output],
        over_seeds=means_over_seeds([result.chosen_at for result in results.values()], SHARES),
        best=best,
        best_by=best_by,
        seeds=[SeedRun(seed=s, folder=seed_name(s), result=result) for s, result in results.items()],
    )


def _card(run: CmdRun, result: CmdSeedsResult, sections: Mapping[str, str]) -> Card:
    own = next(one.result for one in result.seeds if one.seed == result.best)
    figures = figures_over_seeds(result.over_seeds, f"mean of {len(result.seeds)} seeds, held-out chains")
    return model_card(run.settings, own, run.source, figures, sections)


CMD_SEEDS = Seeds(CMD, CmdSeedsResult, summary, _card)
