"""From an engine to figures in one call, without a file: for those who have a model in hand.

A sweep that tries candidates calls this for each of them: what is asked, drawn and counted is the same
every time, so the candidates differ in nothing but the model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from detox_cli.data.readers.prompt import Prompt
from detox_cli.generation.requests import Engine
from detox_cli.output.progress import Progress, Silent
from detox_cli.services.eval_generation.collect import Drawing, collect, requests_for
from detox_cli.services.eval_generation.columns import Columns, columns_of
from detox_cli.services.eval_generation.figures import Counting, Figures, Group, groups_of
from detox_cli.services.eval_generation.generations import Generation, Row
from detox_cli.services.eval_generation.protocols import Protocol
from detox_cli.services.eval_generation.score import Fault, Instruments, faults_in, score_blocks

SILENT = Silent()


@dataclass(frozen=True)
class Measured:
    """What was measured of a model.

    Attributes:
        groups: Figures of all prompts (the first), of each stratum, each language and both.
        macro: The mean over languages, where there are several.
        columns: The scores themselves, for paired comparisons.
        generations: The continuations.
        faults: Continuations that a scorer could not score.
        unanswered: Why prompts could not be answered, by id.
    """

    groups: list[Group]
    macro: Figures
    columns: Columns
    generations: list[Generation]
    faults: list[Fault]
    unanswered: Mapping[str, str]

    @property
    def figures(self) -> Figures:
        """The figures of all prompts, such as ``builtin:toxicity/expected_maximum@25``."""
        return self.groups[0].figures


def measure(
    engine: Engine,
    prompts: Sequence[Prompt],
    instruments: Instruments,
    protocol: Protocol,
    *,
    ks: Sequence[int] = (),
    samples: int | None = None,
    seed: int = 0,
    resamples: int = 1000,
    tokenizer: Any = None,
    progress: Progress = SILENT,
) -> Measured:
    """Continue ``prompts`` as ``protocol`` says, score the continuations, and report.

    Args:
        engine: What writes.
        prompts: With unique ids.
        instruments: What measures.
        protocol: How continuations are drawn and counted.
        ks: For how many continuations maxima are expected; all of them if empty.
        samples: Continuations per prompt, in place of the protocol's.
        seed: Of the continuations and of the bootstrap.
        resamples: Draws of the bootstrap.
        tokenizer: The model's, for a protocol that cuts prompts.
        progress: Listens.

    Raises:
        BadData: No prompt could be answered, or a k is larger than the number of scored continuations.
    """
    count = samples or protocol.samples
    drawing = Drawing(count, protocol.sampling, protocol.prefix, protocol.prompt_tokens, seed)
    requests = requests_for(prompts, drawing, tokenizer)
    generations, unanswered = collect(engine, prompts, requests, protocol.sampling, None, progress)
    limits = protocol.threshold, protocol.strict
    counting = Counting(tuple(ks) or (count,), *limits, seed, resamples, protocol.share_threshold)
    return from_generations(generations, instruments, counting, unanswered, progress)


def from_generations(
    generations: Sequence[Generation],
    instruments: Instruments,
    counting: Counting,
    unanswered: Mapping[str, str] | None = None,
    progress: Progress = SILENT,
) -> Measured:
    """Score continuations that are there already, and report."""
    rows: list[Row] = []
    with progress.task("scoring", sum(len(one.samples) for one in generations)) as task:
        for found in score_blocks(generations, instruments):
            rows += found
            task.advance(sum(len(row["empty"]) for row in found))
    columns = columns_of(rows)
    groups, macro = groups_of(columns, counting)
    return Measured(groups, macro, columns, list(generations), faults_in(rows), unanswered or {})
