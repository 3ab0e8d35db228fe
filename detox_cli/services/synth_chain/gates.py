"""What a filled prompt has to be: harmless, near its original, and the most fluent of several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from detox_cli.data.chains.record import Fill
from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.cached import score_with_cache
from detox_cli.scoring.perplexity import text_losses
from detox_cli.scoring.protocol import PairScorer
from detox_cli.services.synth_chain.toxicity import Toxicity

UNSCORED, TOXIC, UNLIKE = "it has no score", "toxic", "too unlike the prompt"
LARGEST = 1e6
"""Perplexities above this are written as this."""


@dataclass(frozen=True)
class Try:
    """One thing that a filler wrote: its text, its scores, and what is wrong with it."""

    text: str
    fault: str | None = None
    tox: float | None = None
    sim: float | None = None
    ppl: float | None = None

    def fill(self) -> Fill:
        """As it stands in a record."""
        accepted = self.fault is None
        return Fill(text=self.text, tox=self.tox, sim=self.sim, ppl=self.ppl, accepted=accepted)


Tries = dict[str, list[Try]]


@dataclass(frozen=True)
class Gates:
    """The gates, and what they measure with.

    Attributes:
        toxicity: Scores each different text once.
        similarity: Of a filled prompt to its original.
        cache: Where similarities are kept.
        max_tox: A fill is less toxic than this.
        min_sim: A fill is at least this similar.
    """

    toxicity: Toxicity
    similarity: PairScorer
    cache: ScoreCache | None
    max_tox: float
    min_sim: float

    def passed(self, tries: Mapping[str, Sequence[Try]], texts: Mapping[str, str]) -> Tries:
        """The tries with their scores and with the gate that stopped each.

        Args:
            tries: By the id of the prompt; those with a fault are not scored.
            texts: The prompts.
        """
        places = [
            (name, i) for name, some in tries.items() for i, one in enumerate(some) if one.fault is None
        ]
        found: Tries = {name: list(some) for name, some in tries.items()}
        scores = self.toxicity.of([tries[name][i].text for name, i in places])
        for (name, i), score in zip(places, scores, strict=True):
            fault = UNSCORED if score is None else TOXIC if score >= self.max_tox else None
            found[name][i] = replace(found[name][i], tox=score, fault=fault)
        harmless = [(name, i) for name, i in places if found[name][i].fault is None]
        pairs = [(texts[name], found[name][i].text) for name, i in harmless]
        for (name, i), cosine in zip(
            harmless, score_with_cache(self.similarity, pairs, self.cache), strict=True
        ):
            fault = UNLIKE if cosine < self.min_sim else None
            found[name][i] = replace(found[name][i], sim=cosine, fault=fault)
        return found


def with_perplexity(tries: Mapping[str, Sequence[Try]], judge: Loaded, progress: Progress) -> Tries:
    """The tries, the accepted ones with their perplexity as texts of their own."""
    texts = list(dict.fromkeys(one.text for some in tries.values() for one in some if one.fault is None))
    losses = text_losses(judge, texts, progress=progress, label="fills")
    known = {
        text: min(loss.perplexity, LARGEST) if loss.tokens else None
        for text, loss in zip(texts, losses, strict=True)
    }
    return {
        name: [one if one.fault else replace(one, ppl=known[one.text]) for one in some]
        for name, some in tries.items()
    }


def best_of(tries: Sequence[Try]) -> int | None:
    """Which of the accepted tries stays: the most fluent one, of equal ones the more similar; or ``None``."""
    accepted = [i for i, one in enumerate(tries) if one.fault is None]
    return min(accepted, key=lambda i: _rank(tries[i], i), default=None)


def _rank(one: Try, place: int) -> tuple[float, float, int]:
    ppl = float("inf") if one.ppl is None else one.ppl
    return ppl, -(one.sim or 0.0), place
