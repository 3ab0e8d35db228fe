"""Scoring candidates by hooks: bypass, induce and divergence, with losers stopped early."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.checkpoint.plan import Tied
from detox_cli.models.direction_file import Measured
from detox_cli.models.directions import Floats
from detox_cli.models.interventions import adding, intervening
from detox_cli.models.removal import Removal
from detox_cli.services.abliterate.choice.candidates import Candidate
from detox_cli.services.abliterate.choice.probes import Probes, Readings
from detox_cli.services.abliterate.choice.ranking import CandidateScores, Limits, cost_of, refusals_left

Behaviour = Callable[[], float]
"""How much of a behaviour the model shows as it is at this moment, by what it writes; 0 is none."""

MEANS = ("bypass", "kept", "kl_first", "kl", "kl_answer")
SURE = 2.0
"""Standard errors beyond a limit at which a candidate is stopped before it has seen all prompts."""


@dataclass(frozen=True)
class Scorer:
    """Tries candidates on a model.

    Attributes:
        model: Loaded, in evaluation mode; it is as before after every candidate.
        anatomy: Of the loaded model.
        measured: Where directions come from.
        probes: The prompts.
        limits: What candidates must keep to.
        tied: As in ``plan_edits``.
        mask_massive: Whether dimensions with massive activations are left out of directions.
        behaviour: Measures what is to be removed in what the model writes, where it is no refusal; ``kept``
            is then the share of it that is left, and ``bypass`` and ``induce`` are not looked at.
        usual: What ``behaviour`` gives for the base model.
    """

    model: Any
    anatomy: Anatomy
    measured: Measured
    probes: Probes
    limits: Limits
    tied: Tied = "skip"
    mask_massive: bool = False
    behaviour: Behaviour | None = None
    usual: float = 1.0

    @property
    def named(self) -> str:
        """What is to be removed, for messages."""
        return "refusals" if self.behaviour is None else "behaviour"

    def score(self, candidate: Candidate, best: float = math.inf) -> CandidateScores:
        """The scores of a candidate, and the verdict if it is beyond a limit.

        Args:
            candidate: What to try.
            best: The least `cost` so far; one that cannot come below is not tried to the end.
        """
        if verdict := self._too_deep(candidate) or self._too_close(candidate):
            return _scores(candidate, None, verdict=verdict)
        try:
            removal = candidate.removal(self.measured, self.mask_massive)
        except BadData as error:
            return _scores(candidate, None, verdict=str(error))
        readings = None
        with self.trying(removal, halves=self.behaviour is None) as parts:
            for readings in parts:
                last = len(readings.kl_answer) == len(self.probes.negative.prompts)
                if verdict := self._verdict(readings, best, last):
                    return _scores(candidate, readings, verdict=verdict)
        if self.behaviour is not None:
            return self._behaving(candidate, removal, readings, self.behaviour)
        induce = self._induce(candidate)
        refused, answered = self.probes.base_start()
        way = (induce - answered) / (refused - answered) if refused > answered else 0.0
        low = way <= self.limits.induce
        verdict = f"induces {way:.0%} of a refusal, must be above {self.limits.induce:.0%}" if low else ""
        return _scores(candidate, readings, induce, verdict)

    @contextmanager
    def trying(self, removal: Removal, halves: bool = False) -> Iterator[Iterator[Readings]]:
        """What the model makes of the first prompts with a removal, and then of all.

        Args:
            removal: What is removed, as long as the context lasts.
            halves: Tell of the positive prompts, too, before the negative ones are read.
        """
        with (
            intervening(self.model, self.anatomy, removal, self.tied),
            self.probes.reader.unchanged(),
        ):
            yield self._readings(halves)

    def _readings(self, halves: bool) -> Iterator[Readings]:
        readings: Readings | None = None
        for positive, negative in self.probes.chunks():
            for side, read in ((positive, self.probes.read_refused), (negative, self.probes.read_answered)):
                part = read(side)
                readings = part if readings is None else readings + part
                if halves or side is negative:
                    yield readings

    def _behaving(
        self, candidate: Candidate, removal: Removal, readings: Readings | None, behaviour: Behaviour
    ) -> CandidateScores:
        with intervening(self.model, self.anatomy, removal, self.tied):
            kept = behaviour() / self.usual
        verdict = "" if kept < 1 else f"leaves {kept:.0%} of the behaviour"
        scores = _scores(candidate, readings, verdict=verdict)
        return scores.model_copy(update={"kept": kept, "bypass": None})

    def _too_deep(self, candidate: Candidate) -> str:
        layers = self.measured.layers
        depth = max(place.layer + 1 for place in candidate.places) / layers
        return f"depth {depth:.2f}, must be below {self.limits.depth:g}" if depth >= self.limits.depth else ""

    def _too_close(self, candidate: Candidate) -> str:
        if self.behaviour is not None or len(candidate.places) > 1:
            return ""
        place, least = candidate.places[0], self.limits.separation
        share = float(self._separation[place.position, place.layer])
        return f"not tried: separates {share:.0%} as well as the best place" if share < least else ""

    @cached_property
    def _separation(self) -> Floats:
        """How far apart the sides lie, as a share of the farthest among places that may be tried, [P, L]."""
        found, layers = self.measured.separation(self.mask_massive), self.measured.layers
        allowed = (np.arange(layers) + 1) / layers < self.limits.depth
        known = found[:, allowed][np.isfinite(found[:, allowed])]
        return found / known.max() if known.size else np.ones_like(found)

    def _verdict(self, readings: Readings, best: float, last: bool) -> str:
        sure = 0.0 if last else SURE
        if not all(np.isfinite(values).all() for values in (readings.bypass, readings.kl_answer)):
            return "predicts what is not a number"
        if (kl := at_least(readings.kl_answer, sure)) > self.limits.kl:
            return f"divergence {kl:.3f}, must be at most {self.limits.kl:g}"
        if self.behaviour is not None:
            return ""
        kept, bypass = (at_least(values, sure) for values in (readings.kept, readings.bypass))
        least = cost_of(refusals_left(bypass, kept), kl, self.limits)
        if least > best:
            return f"costs {least:.3f} at least, another costs {best:.3f}"
        return ""

    def _induce(self, candidate: Candidate) -> float:
        """Arditi's induction: the difference of means, as long as it is, is added after its own block."""
        place = candidate.places[0]
        vector = self.measured.difference(self.mask_massive)[place.position, place.layer]
        with adding(self.model, self.anatomy, place.layer, vector):
            return float(self.probes.starts(self.probes.negative).mean())


def at_least(values: Floats, sure: float) -> float:
    """The mean, less ``sure`` of its standard errors; 0 where there is nothing yet."""
    if not len(values):
        return 0.0
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(values.mean() - sure * error)


def _scores(
    candidate: Candidate, readings: Readings | None, induce: float | None = None, verdict: str = ""
) -> CandidateScores:
    values = {} if readings is None else {name: getattr(readings, name) for name in MEANS}
    means = {name: float(one.mean()) for name, one in values.items() if len(one)}
    means = {name: mean for name, mean in means.items() if np.isfinite(mean)}
    return CandidateScores.model_validate(
        {
            "name": candidate.name,
            "mode": candidate.mode,
            "places": [(place.position, place.layer) for place in candidate.places],
            "n": 0 if readings is None else len(readings.kept),
            "induce": induce,
            "verdict": verdict,
            **means,
        }
    )
