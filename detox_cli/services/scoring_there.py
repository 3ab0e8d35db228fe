"""Scorers whose models are in the actors of a Ray cluster; who asks them does not notice."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress
from detox_cli.runs.cluster.connect import Cluster
from detox_cli.runs.cluster.stream import Done, spread
from detox_cli.scoring.load import load_pair_scorer, load_text_scorer
from detox_cli.scoring.suites.panel import FluencyOfTriples, Panel
from detox_cli.services.cluster import SHARED

Chunk = Sequence[Any]
Spread = Callable[[Sequence[Chunk]], Iterator[Done]]


@dataclass
class ScorerThere:
    """A scorer with its model in the actors of a cluster.

    `score_with_cache` tells it all chunks of its work beforehand; they are the shares that are handed out, so
    each is scored in the company that it has on one machine.

    Attributes:
        near: The same scorer in this process, for what needs no model.
        hand_out: Has chunks scored, and gives the scores of each back in any order.
    """

    near: Any
    hand_out: Spread
    _left: int = 0
    _coming: Iterator[tuple[Chunk, list[float]]] = field(default_factory=lambda: iter(()))
    _found: dict[tuple[Any, ...], list[float]] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Everything that changes a score."""
        return str(self.near.identity)

    @property
    def meaning(self) -> str:
        """What a high score says."""
        return str(self.near.meaning)

    def too_long(self, items: Sequence[Any]) -> int:
        """How many of these are cut at the scorer's length limit."""
        return int(self.near.too_long(items))

    def ahead(self, chunks: Sequence[Chunk]) -> None:
        """Begin with these chunks, which will be asked for one by one."""
        self._found, self._left = {}, len(chunks)
        self._coming = ((chunks[share.share], share.results) for share in self.hand_out(chunks))

    def score(self, items: Sequence[Any]) -> list[float]:
        """The scores of a chunk that was told beforehand, when they are there."""
        while tuple(items) not in self._found:
            chunk, scores = next(self._coming)
            self._found[tuple(chunk)] = scores
        self._left -= 1
        if not self._left:
            for _ in self._coming:  # to its end, so that the cluster is left
                pass
        return self._found[tuple(items)]


@dataclass(frozen=True)
class Scoring:
    """The work of an actor with one scorer.

    Attributes:
        load: Makes the scorer.
        identity: What it has to be.
        chunks: All texts or pairs.
    """

    load: Callable[[], Any]
    identity: str
    chunks: Sequence[Chunk]

    def open(self, warn: Callable[[str], None]) -> "OpenScoring":
        """Load the scorer, and see that it is the same as on the first machine."""
        scorer = self.load()
        if scorer.identity != self.identity:
            message = f"a scorer is another one on a machine of the cluster: {scorer.identity}"
            raise BadSettings(message, where="--engine ray", hint=SHARED)
        return OpenScoring(scorer, self.chunks)


class OpenScoring:
    """The work with the scorer in memory."""

    def __init__(self, scorer: Any, chunks: Sequence[Chunk]) -> None:
        self._scorer, self._chunks = scorer, chunks
        model = scorer.loaded.model
        self.identity = {"type": str(model.dtype), "device": model.device.type}

    def answer(self, share: int) -> list[float]:
        """The scores of one chunk."""
        return list(self._scorer.score(self._chunks[share]))


def panel_there(
    panel: Panel,
    names: dict[str, str],
    cluster: Cluster,
    options: dict[str, Any],
    progress: Progress,
) -> Panel:
    """The panel with its models in the actors of a cluster.

    A scorer without a model of its own (a list of words, a service, several in one) stays in this process,
    which is said.

    Args:
        panel: The scorers, loaded.
        names: By ``sta``, ``sim`` and ``fl``.
        cluster: Where the actors are.
        options: Device and size of batches, as for `load_text_scorer`.
        progress: Listens.
    """

    def moved(measure: str, scorer: Any, load: Callable[..., Any]) -> Any:
        if scorer is None or not hasattr(scorer, "loaded"):
            if scorer is not None:
                progress.warn(
                    f"the scorer of {measure.upper()} has no model of its own and works in this process"
                )
            return scorer
        made = partial(load, names[measure], **options)

        def hand_out(chunks: Sequence[Chunk]) -> Iterator[Done]:
            job = Scoring(made, scorer.identity, [list(chunk) for chunk in chunks])
            return spread(cluster, job, range(len(chunks)), progress.warn)

        return ScorerThere(scorer, hand_out)

    fl = panel.fl
    if not isinstance(fl, FluencyOfTriples):
        fl = moved("fl", fl, load_text_scorer)
    sta, sim = moved("sta", panel.sta, load_text_scorer), moved("sim", panel.sim, load_pair_scorer)
    return Panel(sta, sim, fl, panel.cache, panel.on_scored)
