"""The engine for several machines: any other engine, one in each actor of a Ray cluster."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from detox_cli.generation.requests import Completion, DivisibleEngine, Request, Sampling
from detox_cli.generation.transformers_engine import Warn, say_nothing
from detox_cli.runs.cluster.connect import Cluster
from detox_cli.runs.cluster.stream import spread

SHARE_SAMPLES = 256
"""About so many samples in a share, whose loss costs time where an actor dies."""
MOST_SHARES = 4096
LEAST_SHARES = 8
Load = Callable[[Warn], DivisibleEngine]


class RayEngine:
    """Answers requests with the engines of a Ray cluster (Moritz et al., 2018), through Ray Data.

    Every engine forms the plan over all requests that a single one would form, and answers parts of it: the
    company of a request, and so every bit of its answer, is that of a run on one machine.

    Args:
        cluster: Where the actors are, and what each gets.
        load: Makes the engine of an actor; it is pickled.
        known: What is known of the model without the actors.
        warn: Told what a user should know.
    """

    def __init__(
        self, cluster: Cluster, load: Load, known: Mapping[str, str], warn: Warn = say_nothing
    ) -> None:
        self.cluster, self.load, self.warn = cluster, load, warn
        self._known = dict(known)

    @property
    def identity(self) -> dict[str, str]:
        """What answers in the actors, as they say it; the model by the name that it has here."""
        return dict(self._known)

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, done: Collection[str] = ()
    ) -> Iterator[Completion]:
        """Answer ``requests`` share by share, in the order in which shares get ready.

        Raises:
            DetoxError: What the engine of an actor raises; or actors died too often.
            BadSettings: The machines of the cluster differ, or one lacks this version of detox.
            Missing: No cluster answers, or Ray is not installed.
        """
        finished = frozenset(done)
        left = [request.samples for request in requests if request.id not in finished]
        if not left:
            return
        shares = _shares(left)
        job = Answering(self.load, requests, sampling, finished, shares)
        for share in spread(self.cluster, job, range(shares), self.warn):
            self._known = {**share.identity, **self._known}
            yield from share.results


def _shares(samples: Sequence[int]) -> int:
    """Into how many shares requests of so many samples are cut; one without a part takes no time."""
    wanted = sum(samples) // SHARE_SAMPLES
    return min(len(samples), max(LEAST_SHARES, min(wanted, MOST_SHARES)))


@dataclass(frozen=True)
class Answering:
    """The work of an actor: every ``shares``-th part of the plan over all requests.

    Attributes:
        load: Makes the engine.
        requests: Everything that is asked for.
        sampling: How tokens are chosen.
        done: The requests that are answered already, by id.
        shares: Into how many shares the parts are dealt.
    """

    load: Load
    requests: Sequence[Request]
    sampling: Sampling
    done: frozenset[str]
    shares: int

    def open(self, warn: Warn) -> "OpenAnswering":
        """Load the engine, and form the plan."""
        return OpenAnswering(self, self.load(warn))


class OpenAnswering:
    """The work with its engine in memory."""

    def __init__(self, job: Answering, engine: DivisibleEngine) -> None:
        self._job = job
        self._plan = engine.plan(job.requests, job.sampling)
        self.identity = {name: value for name, value in engine.identity.items() if name != "answered_by"}

    def answer(self, share: int) -> list[Completion]:
        """The completions of one share."""
        parts = self._plan.parts[share :: self._job.shares]
        return [completion for part in parts for completion in self._plan.answer(part, self._job.done)]
