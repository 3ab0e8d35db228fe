"""Choosing what to remove, without generating: of all that works, what changes answers least."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.checkpoint.plan import Tied
from detox_cli.models.direction_file import Measured
from detox_cli.models.removal import Mode, Removal
from detox_cli.output.progress import Progress, Silent
from detox_cli.scoring.losses import Ids
from detox_cli.services.abliterate.choice.candidates import (
    FULL,
    Candidate,
    Strengths,
    all_candidates,
)
from detox_cli.services.abliterate.choice.probes import Probes
from detox_cli.services.abliterate.choice.ranking import (
    DEFAULT_LIMITS,
    CandidateScores,
    Limits,
    cost,
    front,
    is_complete,
)
from detox_cli.services.abliterate.choice.scores import Behaviour, Scorer
from detox_cli.services.abliterate.choice.start_tokens import StartTokens

Note = Mapping[str, Any]
Once = Callable[[str, Callable[[], Note]], Note]
"""Gives what a named piece of work gave in an earlier run, or does it now."""

SEPARATES = 0.8
FRONT = 5
PARTNERS = 6


@dataclass(frozen=True)
class Choosing:
    """How to choose.

    Attributes:
        modes: The modes to try for every place.
        directions: How many directions may be removed together; further ones are added while they help.
        strengths: How much is removed where.
        limits: What a candidate must keep to.
        tied: What happens to a token embedding that is the output head too, as in ``plan_edits``.
        mask_massive: Leave dimensions with massive activations out of the directions.
        anyway: Take the best of all if none keeps to the limits.
        tokens: How many tokens of the model's own answers are compared.
        batch_tokens: Tokens of a batch, padding included.
    """

    modes: tuple[Mode, ...] = ("zero", "projected")
    directions: int = 1
    strengths: Strengths = FULL
    limits: Limits = DEFAULT_LIMITS
    tied: Tied = "skip"
    mask_massive: bool = False
    anyway: bool = False
    tokens: int = 8
    batch_tokens: int = 4096


@dataclass(frozen=True)
class Choice:
    """What is to be removed, and what speaks for it.

    Attributes:
        removal: The recipe.
        chosen: Its scores.
        candidates: The scores of all candidates, in the order in which they were tried.
        start_tokens: What refusals of this model start with.
        base: The mean log-odds of a refusal's start in the base model, on positive and negative prompts.
        why: The reason, in one sentence.
        scorer: What tried them, for a search to go on with.
    """

    removal: Removal
    chosen: CandidateScores
    candidates: tuple[CandidateScores, ...]
    start_tokens: StartTokens
    base: tuple[float, float]
    why: str
    scorer: Scorer = field(repr=False, compare=False)

    @property
    def position(self) -> int:
        """Where the (first) direction comes from; -1 is the last token of the prompt."""
        return self.chosen.places[0][0]

    @property
    def layer(self) -> int:
        """The block after which the (first) direction was measured, from 0."""
        return self.chosen.places[0][1]

    def origin(self) -> dict[str, Any]:
        """For the direction file, as JSON values."""
        return {
            "position": self.position,
            "layer": self.layer,
            "chosen": "by bypass, induce and divergence",
            "why": self.why,
            "scores": self.chosen.model_dump(mode="json"),
        }


def do_now(_name: str, compute: Callable[[], Note]) -> Note:
    """The memory of a run that remembers nothing."""
    return compute()


def choose(
    model: Any,
    anatomy: Anatomy,
    measured: Measured,
    positive: Sequence[Ids],
    negative: Sequence[Ids],
    ends: Sequence[int],
    how: Choosing,
    progress: Progress | None = None,
    once: Once = do_now,
    behaviour: Behaviour | None = None,
) -> Choice:
    """Find the direction whose removal leaves no refusals and changes answers least.

    After Arditi et al. (NeurIPS 2024, arXiv 2406.11717, appendix C), with other scores (see `Probes`) and
    another rule (see `cost`).

    Args:
        model: Loaded, in evaluation mode; unchanged afterwards.
        anatomy: Of the loaded model.
        measured: Where the directions come from.
        positive: Token ids of prompts that it refuses and that nothing was measured on.
        negative: Token ids of prompts that it answers, likewise.
        ends: Tokens that end an answer.
        how: How to choose.
        progress: Hears of every candidate.
        once: The memory of a run that can be killed; it is given JSON values.
        behaviour: See `Scorer`: for what is no refusal, such as toxic continuations.

    Raises:
        BadData: No candidate keeps to the limits, and ``how.anyway`` is off; the line tells of the front.
    """
    progress = progress or Silent()
    progress.stage("reading what the model answers by itself")
    probes = Probes(model, positive, negative, ends, how.tokens, how.batch_tokens)
    _tell_blindness(probes.start_tokens, measured, behaviour, progress)
    scorer = Scorer(model, anatomy, measured, probes, how.limits, how.tied, how.mask_massive)
    if behaviour is not None:
        scorer = replace(scorer, behaviour=behaviour, usual=_usual(behaviour, once))
    tryout = _Tryout(scorer, once)
    singles = all_candidates(measured, how.modes, how.strengths)
    progress.stage(f"trying {len(singles)} candidates on {len(positive)} + {len(negative)} prompts")
    with progress.task("candidates", len(singles)) as task:
        for candidate in singles:
            tryout.score(candidate)
            task.advance()
    best = _widest(tryout, how)
    if not is_complete(tryout.scores[best], how.limits):
        left = tryout.scores[best].tradeoff[0]
        progress.warn(
            f"{best.name} is the best of {len(tryout.scores)} and leaves {left:.0%} of the {scorer.named}; "
            "more modes, directions or prompts, or a search, may do better"
        )
    return _choice(best, tryout, how)


class _Tryout:
    """Candidates that were tried, and their scores, in order."""

    def __init__(self, scorer: Scorer, once: Once) -> None:
        self.scorer, self.once = scorer, once
        self.scores: dict[Candidate, CandidateScores] = {}

    def score(self, candidate: Candidate) -> None:
        """Try one that was not tried yet."""
        if candidate in self.scores:
            return
        limits = self.scorer.limits
        best = min((cost(s, limits) for s in self.scores.values() if s.survives), default=math.inf)
        note = self.once(
            f"candidate {candidate.name}",
            lambda: self.scorer.score(candidate, best).model_dump(mode="json"),
        )
        self.scores[candidate] = CandidateScores.model_validate(note)


def _widest(tryout: _Tryout, how: Choosing) -> Candidate:
    """The best, with as many directions as are wanted and help."""
    best = _best(tryout.scores, how)
    while len(best.places) < how.directions:
        for wider in _wider(best, tryout.scores, how):
            tryout.score(wider)
        best, before = _best(tryout.scores, how), best
        if best == before:
            break
    return best


def _best(tried: Mapping[Candidate, CandidateScores], how: Choosing) -> Candidate:
    fair = {candidate: scores for candidate, scores in tried.items() if scores.survives}
    if not fair and how.anyway:
        fair = {candidate: scores for candidate, scores in tried.items() if scores.n}
    if not fair:
        raise BadData(
            f"none of {len(tried)} directions keeps to the limits; {_describe_front(tried)}",
            hint="raise --choose-kl or --choose-induce, try another --mode or prompts, or add --best-anyway",
        )
    return min(fair, key=lambda candidate: cost(fair[candidate], how.limits))


def _describe_front(tried: Mapping[Candidate, CandidateScores]) -> str:
    best = front(list(tried.values()))[:FRONT]
    told = "; ".join(f"{c.name} leaves {c.kept:.0%} at {c.kl_answer:.3f}" for c in best)
    return f"refusals left and divergence of the best: {told}" if told else "none could be tried"


def _wider(best: Candidate, tried: Mapping[Candidate, CandidateScores], how: Choosing) -> list[Candidate]:
    """The best with one more direction, from the next best places of the same mode."""
    others = sorted(
        (c for c, s in tried.items() if c.mode == best.mode and len(c.places) == 1 and s.n),
        key=lambda c: cost(tried[c], how.limits),
    )
    fresh = [c.places[0] for c in others if c.places[0] not in best.places]
    return [replace(best, places=(*best.places, place)) for place in fresh[:PARTNERS]]


def _choice(best: Candidate, tryout: _Tryout, how: Choosing) -> Choice:
    tried, scorer, scores = tryout.scores, tryout.scorer, tryout.scores[best]
    fair = sum(s.survives for s in tried.values())
    asked = sum(s.n > 0 for s in tried.values())
    why = (
        f"of {len(tried)} candidates {asked} were tried and {fair} keep to the limits; "
        f"{scores.name} leaves {scores.kept:.1%} of the {scorer.named} at a divergence of "
        f"{scores.kl_answer:.3f} on answers"
    )
    why += "" if scores.survives else f"; taken although it is beyond a limit: {scores.verdict}"
    return Choice(
        removal=best.removal(scorer.measured, how.mask_massive),
        chosen=scores,
        candidates=tuple(tried.values()),
        start_tokens=scorer.probes.start_tokens,
        base=scorer.probes.base_start(),
        why=why,
        scorer=scorer,
    )


def _usual(behaviour: Behaviour, once: Once) -> float:
    """The behaviour of the base model.

    Raises:
        BadData: It does not show the behaviour.
    """
    usual = float(once("behaviour", lambda: {"usual": behaviour()})["usual"])
    if not usual > 0:
        message = "the model does not show the behaviour that is to be removed"
        raise BadData(message, hint="nothing has to be removed; or give other prompts with --positive")
    return usual


def _tell_blindness(
    tokens: StartTokens, measured: Measured, behaviour: Behaviour | None, progress: Progress
) -> None:
    """Say where the scores see little of what is to be removed."""
    if behaviour is not None:
        return
    if measured.contrast == "toxicity":
        progress.warn(
            "candidates are scored by refusals that are left, but toxicity shows only in what a model "
            "writes: look at its answers before and after"
        )
    elif tokens.separation < SEPARATES:
        progress.warn(
            "refusals and answers start alike: their first tokens tell them apart in "
            f"{tokens.separation:.0%} of pairs, so look at how the refusals that are left read"
        )
