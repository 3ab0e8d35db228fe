"""What a stage of ``synth chain`` is: records in, the same records with more in them out, in a file."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from detox_cli.data.chains.record import ChainRecord
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.result import Result
from detox_cli.statistics.bootstrap import Estimate, mean_interval

STAGES = ("spans", "mask", "fill", "continue", "score", "build")
FILES = {
    "spans": "spans.jsonl",
    "mask": "masked.jsonl",
    "fill": "filled.jsonl",
    "continue": "continued.jsonl",
    "score": "scored.jsonl",
    "build": "chains.jsonl",
}
"""What each stage writes into the folder."""
Records = list[ChainRecord]


class StageReport(Result):
    """What a stage has done."""

    stage: str = Field(description="Its name.")
    prompts: int = Field(description="Prompts that came to it and were not dropped before.")
    toxic: int = Field(description="Toxic prompts that it has kept.")
    safe: int = Field(description="Other prompts that it has kept.")
    dropped: dict[str, int] = Field(default={}, description="Prompts that it has dropped, by reason.")
    counts: dict[str, int] = Field(default={}, description="What else it has counted.")
    figures: dict[str, Estimate] = Field(default={}, description="Means over prompts, with intervals.")


class Made(NamedTuple):
    """What a stage has made: the records, and what it says about them.

    ``counts`` are of anything, ``values`` have a number per prompt, whose means are reported.
    """

    records: Records
    counts: Mapping[str, int] = {}
    values: Mapping[str, Sequence[float]] = {}


Compute = Callable[[Records, Journal | None, Progress], Made]


@dataclass(frozen=True)
class Prepared:
    """A stage with everything found that it needs, and nothing loaded.

    Attributes:
        decisive: What decides its records beyond those that come to it.
        compute: Does the work.
        models: Identities by role.
        scorers: Names and contents of scorers and detectors, by what they measure.
        inputs: Files that it reads besides the records.
    """

    decisive: Mapping[str, Any]
    compute: Compute
    models: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scorers: Mapping[str, str] = field(default_factory=dict)
    inputs: Sequence[str | None] = ()


def report_of(stage: str, before: Sequence[ChainRecord], made: Made, seed: int, folder: Path) -> StageReport:
    """What there is to say about a stage."""
    known = {record.id for record in before if record.dropped is not None}
    kept = [record for record in made.records if record.dropped is None]
    dropped = Counter(one.dropped for one in made.records if one.dropped is not None and one.id not in known)
    return StageReport(
        files=[folder / FILES[stage]],
        stage=stage,
        prompts=len(made.records) - len(known),
        toxic=sum(record.toxic for record in kept),
        safe=sum(not record.toxic for record in kept),
        dropped={str(reason): count for reason, count in dropped.most_common()},
        counts={name: count for name, count in made.counts.items() if count},
        figures={name: mean_interval(some, seed) for name, some in made.values.items() if len(some)},
    )


def alive(records: Iterable[ChainRecord]) -> Records:
    """The records that are not dropped."""
    return [record for record in records if record.dropped is None]


def toxic_alive(records: Iterable[ChainRecord]) -> Records:
    """The toxic ones of these."""
    return [record for record in alive(records) if record.toxic]


def updated(records: Iterable[ChainRecord], new: Mapping[str, ChainRecord]) -> Records:
    """The records, those with an id in ``new`` replaced; the order stays."""
    return [new.get(record.id, record) for record in records]
