"""``detox synth pairs``: an LLM writes a neutral version of every toxic sentence.

The road of PseudoParaDetox (Moskovskiy et al., EMNLP Findings 2024), with its defects removed: the rows
written are the rows read, each unique source is prompted once, every row has its own seed, refusals are told
from rewrites that begin like one, and a killed run goes on where it was.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import check_target
from detox_cli.errors import BadData
from detox_cli.generation.prompts import DETOX_EN_V1, Shot, rewrite_conversation
from detox_cli.generation.requests import Completion, Request, Sampling
from detox_cli.generation.seeds import row_seed
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.answering import answer
from detox_cli.services.engine import Writer, find_writer
from detox_cli.services.row_output import Origin, rejects_path, write_once
from detox_cli.services.synth_pairs.result import SynthPairsResult, pair_row
from detox_cli.services.synth_pairs.shots import choose_shots
from detox_cli.settings.synth import SynthPairsSettings
from detox_cli.statistics.bootstrap import mean_interval

SILENT = Silent()


@dataclass(frozen=True)
class Work:
    """Everything that decides the output, before a model is loaded."""

    pairs: list[Pair]
    requests: dict[str, Request]
    shots: list[Shot]
    sampling: Sampling
    faults: dict[str, str]
    writer: Writer
    fingerprint: str


def run(settings: SynthPairsSettings, progress: Progress = SILENT) -> SynthPairsResult:
    """Write a neutral version of every sentence of ``settings.input`` to ``settings.output``.

    A file as output is resumable: beside it lie ``NAME.journal`` while the work runs, ``NAME.detox.json``
    (what made it) when it is done, and ``NAME.rejects.jsonl`` if rows could not be used.

    Raises:
        BadData: Nothing can be read or answered, or there are too few examples.
        BadSettings: Something else is at the output.
        Missing: The model cannot be had.
    """
    check_target(settings.output)
    with Rejects(rejects_path(settings.rejects, settings.output), settings.strict) as rejects:
        work = prepare(settings, rejects)
        origin = Origin(
            command="synth pairs",
            settings=settings,
            inputs=[settings.input, settings.shots],
            models={"writer": work.writer.identity},
            fingerprint=work.fingerprint,
        )

        def compute(journal: Journal | None) -> tuple[SynthPairsResult, list[dict[str, Any]]]:
            return write_pairs(settings, work, rejects, journal, progress)

        overwrite = settings.overwrite
        return write_once(settings.output, origin, SynthPairsResult, compute, progress, overwrite=overwrite)


def prepare(settings: SynthPairsSettings, rejects: Rejects) -> Work:
    """Read the sentences and the examples, find the model, and form the requests."""
    pairs = read_pairs(
        settings.input,
        rejects,
        toxic_column=settings.text_column,
        need_reference=False,
        split=settings.split,
        limit=settings.limit,
        toxic_flag="--text-column",
    )
    shots = choose_shots(settings, pairs, rejects)
    writer = find_writer(settings)
    requests = requests_for(pairs, shots, settings)
    sampling = Sampling(
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
    )
    decisive = fingerprint(
        command="synth pairs",
        requests=[asdict(request) for request in requests.values()],
        rows=[(pair.id, pair.toxic, pair.references, pair.lang) for pair in pairs],
        sampling=asdict(sampling),
        writer=writer.decisive,
    )
    faults = writer.faults(list(requests.values()), sampling)
    if len(faults) == len(requests):
        raise BadData(f"none of {len(faults)} sentences can be answered: {next(iter(faults.values()))}")
    return Work(pairs, requests, shots, sampling, faults, writer, decisive)


def requests_for(
    pairs: Iterable[Pair], shots: Sequence[Shot], settings: SynthPairsSettings
) -> dict[str, Request]:
    """One request for each different source text, by that text. The id is the first row that has it."""
    requests: dict[str, Request] = {}
    for pair in pairs:
        source = source_key(pair)
        if source not in requests:
            conversation = rewrite_conversation(pair.toxic, shots, settings.shot_style)
            requests[source] = Request(pair.id, conversation, seed=row_seed(settings.seed, source))
    return requests


def source_key(pair: Pair) -> str:
    """Sources that differ in spaces alone are one prompt."""
    return " ".join(pair.toxic.split())


def write_pairs(
    settings: SynthPairsSettings, work: Work, rejects: Rejects, journal: Journal | None, progress: Progress
) -> tuple[SynthPairsResult, list[dict[str, Any]]]:
    """Ask the model, and put its answers beside their sources, in the order of the input."""
    began = time.monotonic()
    requests = [request for request in work.requests.values() if request.id not in work.faults]
    answers, faults = answer(
        work.writer.load(progress), requests, work.sampling, journal, progress, "rewriting"
    )
    faults.update(work.faults)
    rows = _rows(settings, work, answers, faults, rejects)
    return _result(settings, rows, answers, rejects.count, time.monotonic() - began), rows


def _rows(
    settings: SynthPairsSettings,
    work: Work,
    answers: Mapping[str, Completion],
    faults: Mapping[str, str],
    rejects: Rejects,
) -> list[dict[str, Any]]:
    provenance = {
        "model": work.writer.name,
        "model_fingerprint": work.writer.fingerprint,
        "prompt_id": DETOX_EN_V1.id,
        "num_shots": len(work.shots),
        "shot_style": settings.shot_style,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
    }
    rows = []
    for pair in work.pairs:
        asked = work.requests[source_key(pair)].id
        if asked in faults:
            rejects.add(pair.where, faults[asked], dict(pair.values))
        else:
            rows.append(pair_row(pair, answers[asked], provenance))
    return rows


def _result(
    settings: SynthPairsSettings,
    rows: Sequence[Mapping[str, Any]],
    answers: Mapping[str, Completion],
    rejected: int,
    seconds: float,
) -> SynthPairsResult:
    declined = {row["seed"]: float(row["refusal"]) for row in rows}  # one seed for each different source
    counts = Counter(flag for row in rows for flag in row["flags"])
    return SynthPairsResult(
        files=[] if settings.output == "-" else [Path(settings.output)],
        rows=len(rows),
        unique_sources=len(answers),
        usable=sum(not row["flags"] for row in rows),
        refusals=mean_interval(list(declined.values()), seed=settings.seed),
        flags=dict(sorted(counts.items())),
        rejects=rejected,
        new_tokens=sum(sample.tokens for found in answers.values() for sample in found.samples),
        seconds=round(seconds, 2),
    )
