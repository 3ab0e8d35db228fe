"""Searching further than single candidates: how strongly, in which blocks, with one direction or one each."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import BadData, DetoxError, Missing
from detox_cli.models.removal import Mode, Removal
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.abliterate.choice.candidates import Place
from detox_cli.services.abliterate.choice.optimise import Params, Pruned, Sampler, Trial, optimise
from detox_cli.services.abliterate.choice.probes import Readings
from detox_cli.services.abliterate.choice.ranking import CandidateScores, cost, cost_of, refusals_left
from detox_cli.services.abliterate.choice.recipes import Recipes
from detox_cli.services.abliterate.choice.scores import SURE, Scorer, at_least

Refusals = Callable[[], float]
"""The share of prompts that the model refuses as it is at this moment, by really answering them."""

STARTS = 3


@dataclass(frozen=True)
class Searching:
    """How to search.

    Attributes:
        trials: How many in all.
        places: From how many of the best places a direction may come.
        modes: The modes to search in; ``affine`` has no strengths to search.
        sampler: ``tpe`` or ``nsga``.
        seed: Of the sampler.
        limit: A divergence on answers beyond which a trial is given up.
    """

    trials: int = 50
    places: int = 5
    modes: tuple[Mode, ...] = ("zero", "projected", "norm-preserving")
    sampler: Sampler = "tpe"
    seed: int = 0
    limit: float = 0.5


class Found(BaseModel):
    """What a search came to."""

    model_config = ConfigDict(frozen=True)

    best: Trial = Field(description="The trial that is taken.")
    trials: list[Trial] = Field(description="All of them.")

    @property
    def front(self) -> list[Trial]:
        """Those that no other beats in both numbers, the fewest refusals first."""
        found: list[Trial] = []
        for trial in sorted((t for t in self.trials if t.state == "complete"), key=lambda t: t.values):
            if not found or trial.values[1] < found[-1].values[1]:
                found.append(trial)
        return found


def search(
    scorer: Scorer,
    candidates: Sequence[CandidateScores],
    how: Searching,
    progress: Progress | None = None,
    journal: Path | None = None,
    refusals: Refusals | None = None,
) -> tuple[Removal, Found]:
    """Search for strengths, starting from the best single candidates.

    The two numbers to minimise are what is left of the refusals (by likelihood, or counted by ``refusals``)
    and the divergence on answers, both as in `Readings`; of all trials the one with the least cost is taken.

    Args:
        scorer: Tries removals on the model.
        candidates: The scores of all single candidates.
        how: How to search.
        progress: Hears of every trial.
        journal: A file that keeps the trials, for this model, these prompts and settings; a search that asks
            for more trials goes on from it.
        refusals: Counts refusals by generating; asked only where nothing else speaks against a trial.

    Raises:
        BadData: There is no candidate to start from, or no trial was completed.
        BadSettings: The journal is of another search.
        Missing: Optuna is not installed.
    """
    if find_spec("optuna") is None:
        raise Missing("a search needs Optuna", hint="pip install 'detox-cli[search]'")
    progress = progress or Silent()
    recipes, first = _starts(scorer, candidates, how)
    objective = _Objective(scorer, recipes, how.limit, refusals)
    about = fingerprint(search=_identity(scorer, recipes, first, how, refusals is not None))
    progress.stage(f"searching from {len(recipes.places)} places, {how.trials} trials")
    with _journal(journal, about) as kept, progress.task("trials", how.trials) as task:

        def done(trial: Trial) -> None:
            task.advance()
            if trial.state == "failed":
                progress.warn(f"trial {trial.number} failed: {trial.note}")

        trials = optimise(
            recipes.space(),
            first,
            objective,
            how.trials,
            sampler=how.sampler,
            seed=how.seed,
            journal=kept,
            done=done,
        )
    complete = [trial for trial in trials if trial.state == "complete"]
    if not complete:
        raise BadData(f"none of {len(trials)} trials was completed", hint="raise the limit of the divergence")
    best = min(complete, key=lambda trial: cost_of(trial.values[0], trial.values[1], scorer.limits))
    return recipes.removal(best.params), Found(best=best, trials=trials)


@dataclass(frozen=True)
class _Objective:
    """Refusals left and divergence on answers, of one point after the other."""

    scorer: Scorer
    recipes: Recipes
    limit: float
    refusals: Refusals | None

    def __call__(self, point: Params, before: Sequence[Trial]) -> Sequence[float]:
        removal = self.recipes.removal(point)
        values = [float("inf")] * 2
        with self.scorer.trying(removal) as parts:
            for readings in parts:
                values = [_left(readings), float(readings.kl_answer.mean())]
                if not np.isfinite([*values, readings.bypass.mean()]).all():
                    raise DetoxError("it predicts what is not a number", hint="use --dtype float32")
                last = len(readings.kept) == len(self.scorer.probes.positive.prompts)
                self._prune(readings, values, before, 0.0 if last else SURE)
            return values if self.refusals is None else [self.refusals(), values[1]]

    def _prune(
        self, readings: Readings, values: Sequence[float], before: Sequence[Trial], sure: float
    ) -> None:
        """Give up where even with good luck the trial is beyond the limit or beaten in both numbers."""
        divergence, kept = at_least(readings.kl_answer, sure), at_least(readings.kept, sure)
        if divergence > self.limit:
            raise Pruned(values, f"divergence {divergence:.3f}, the limit is {self.limit:g}")
        for other in before if sure and self.refusals is None else ():
            if other.state == "complete" and other.values[0] < kept and other.values[1] < divergence:
                raise Pruned(values, f"trial {other.number} is better in both")


def _left(readings: Readings) -> float:
    return refusals_left(float(readings.bypass.mean()), float(readings.kept.mean()))


def _starts(
    scorer: Scorer, candidates: Sequence[CandidateScores], how: Searching
) -> tuple[Recipes, list[dict[str, Any]]]:
    """The space of recipes, and the points in it that single candidates stand for."""
    seen = [c for c in candidates if len(c.places) == 1 and c.n and c.mode in how.modes]
    seen.sort(key=lambda c: cost(c, scorer.limits))
    places = tuple(dict.fromkeys(Place(*c.places[0]) for c in seen))[: how.places]
    if not places:
        raise BadData(
            "no direction could be tried, so there is nothing to search from",
            hint="give more prompts, or another contrast",
        )
    recipes = Recipes(scorer.measured, places, how.modes, scorer.mask_massive)
    best = [(Place(*c.places[0]), c.mode) for c in seen if Place(*c.places[0]) in places][:STARTS]
    first = [recipes.everywhere(*one) for one in best]
    return recipes, [*first, recipes.everywhere(*best[0], mlp=0.0)]


def _identity(
    scorer: Scorer, recipes: Recipes, first: Sequence[Params], how: Searching, generating: bool
) -> dict[str, Any]:
    """Everything that decides a trial; not how many there are."""
    probes = scorer.probes
    return {
        "how": {name: value for name, value in asdict(how).items() if name != "trials"},
        "model": scorer.measured.model,
        "measured": dict(scorer.measured.prompts),
        "places": [asdict(place) for place in recipes.places],
        "first": [dict(point) for point in first],
        "prompts": [list(map(list, side.prompts)) for side in (probes.positive, probes.negative)],
        "answers": [list(map(list, side.answers)) for side in (probes.positive, probes.negative)],
        "limits": asdict(scorer.limits),
        "tied": scorer.tied,
        "mask_massive": scorer.mask_massive,
        "generating": generating,
    }


@contextmanager
def _journal(path: Path | None, about: str) -> Iterator[Journal | None]:
    with nullcontext() if path is None else Journal(path, about) as journal:
        yield journal
