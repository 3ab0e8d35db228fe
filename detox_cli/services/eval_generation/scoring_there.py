"""Scores of continuations over a Ray cluster: every actor has all instruments, and takes blocks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress
from detox_cli.runs.cluster.stream import spread
from detox_cli.services.cluster import SHARED, Told, cluster_of
from detox_cli.services.eval_generation.generations import Generation, Row
from detox_cli.services.eval_generation.protocols import Protocol
from detox_cli.services.eval_generation.score import Instruments, blocks, score_block
from detox_cli.services.eval_generation.tools import Tools, find_tools
from detox_cli.settings.eval_generation import EvalGenerationSettings


def score_there(
    generations: Sequence[Generation], tools: Tools, done: Callable[[str], bool], progress: Progress
) -> Iterator[list[Row]]:
    """Yield the rows of every block that is not done, as blocks get ready.

    A block is scored as one process without a cache of scores would score it.

    Raises:
        BadSettings: Machines differ, or one has another scorer under a name.
        Missing: No cluster answers, or one of its machines lacks a scorer.
    """
    settings, every = tools.settings, list(blocks(generations))
    left = [place for place, block in enumerate(every) if not all(done(one.prompt.id) for one in block)]
    if not left:
        return
    progress.stage("loading scorers in the actors of the cluster")
    cluster = cluster_of(settings, gpus=0 if settings.device.startswith("cpu") else 1)
    there = settings.model_copy(update={"cache": False, "password": None})
    job = BlockScoring(there, tools.protocol, tools.identities, tuple(map(tuple, every)))
    for share in spread(cluster, job, left, progress.warn):
        yield share.results


@dataclass(frozen=True)
class BlockScoring:
    """The work of an actor that scores.

    Attributes:
        settings: What measures.
        protocol: Whether empty continuations count.
        identities: Of everything that measures, as this process has found it.
        blocks: All continuations.
    """

    settings: EvalGenerationSettings
    protocol: Protocol
    identities: Mapping[str, str]
    blocks: tuple[tuple[Generation, ...], ...]

    def open(self, warn: Callable[[str], None]) -> "OpenScoring":
        """Load everything that measures, and see that it is the same as on the first machine."""
        progress = Told(warn)
        tools = find_tools(self.settings, self.protocol, progress)
        for name, identity in tools.identities.items():
            if self.identities.get(name) != identity:
                message = f"{name} is another one on a machine of the cluster: {identity}"
                raise BadSettings(message, where="--engine ray", hint=SHARED)
        return OpenScoring(self.blocks, replace(tools.load(progress), cache=None))


class OpenScoring:
    """The work with all instruments in memory."""

    def __init__(self, every: Sequence[Sequence[Generation]], instruments: Instruments) -> None:
        self._blocks, self._instruments = every, instruments
        judges = (instruments.judge, instruments.legacy_judge)
        loaded = [one for one in judges if one is not None]
        loaded += [
            one for s in instruments.scorers.values() if (one := getattr(s, "loaded", None)) is not None
        ]
        kinds = sorted({f"{one.model.dtype} on {one.model.device.type}" for one in loaded})
        self.identity = {"types and devices": ", ".join(kinds)}

    def answer(self, share: int) -> list[Row]:
        """The rows of one block."""
        return score_block(self._blocks[share], self._instruments)
