"""Answering requests so that nothing that was computed is lost: engine, journal and progress together."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from detox_cli.errors import BadData
from detox_cli.generation.requests import Completion, Engine, Request, Sample, Sampling
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal


class Answers(NamedTuple):
    """Completions by request id, and the reasons of the requests that could not be answered, by id."""

    completions: dict[str, Completion]
    faults: dict[str, str]


def answer(
    engine: Engine,
    requests: Sequence[Request],
    sampling: Sampling,
    journal: Journal | None,
    progress: Progress,
    label: str,
) -> Answers:
    """The completion of every request, by id; what the journal already holds is not computed again.

    A journal may hold the answers to other requests too, such as those of an earlier round.

    Because the engine forms its batches from all requests, a resumed run gives the same bits as one that was
    never interrupted.

    Raises:
        BadData: None of the requests could be answered.
    """
    wanted = {request.id for request in requests}
    kept = map(_completion, journal.records() if journal is not None else ())
    answers = {completion.id: completion for completion in kept if completion.id in wanted}
    total = sum(request.samples for request in requests)
    done = sum(len(completion.samples) for completion in answers.values())
    with progress.task(label, total, done) as task:
        for completion in engine.generate(requests, sampling, done=answers.keys()):
            if journal is not None and not completion.fault:  # a fault may be gone the next time
                journal.append(asdict(completion))
            answers[completion.id] = completion
            task.advance(len(completion.samples))
    return _sorted_out(answers)


def _sorted_out(answers: dict[str, Completion]) -> Answers:
    faults = {name: completion.fault for name, completion in answers.items() if completion.fault}
    if answers and len(faults) == len(answers):
        raise BadData(
            f"none of {len(faults)} rows could be answered; the first: {next(iter(faults.values()))}",
            hint="correct the rows, or choose another model",
        )
    return Answers({name: answers[name] for name in answers if name not in faults}, faults)


def _completion(record: dict[str, object]) -> Completion:
    samples = tuple(Sample(**sample) for sample in record["samples"])  # type: ignore[attr-defined]
    return Completion(**{**record, "samples": samples})  # type: ignore[arg-type]
