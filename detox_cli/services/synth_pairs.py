"""``detox synth pairs``: an LLM writes a neutral version of every toxic sentence.

The road of PseudoParaDetox (Moskovskiy et al., EMNLP Findings 2024), with its defects removed: the rows
written are the rows read, each unique source is prompted once, every row has its own seed, refusals are told
from rewrites that begin like one, and a killed run goes on where it was.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import check_target, write_rows
from detox_cli.generation.prompts import DETOX_EN_V1, Shot, rewrite_conversation
from detox_cli.generation.requests import Completion, Engine, Request, Sampling
from detox_cli.generation.seeds import row_seed
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.loading import load_causal
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint, read_manifest, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.services.answering import answer
from detox_cli.services.synth_result import SynthPairsResult, pair_row
from detox_cli.services.synth_sources import choose_shots
from detox_cli.settings.synth import SynthPairsSettings
from detox_cli.statistics.bootstrap import mean_interval

SILENT = Silent()


def sampling_of(settings: SynthPairsSettings) -> Sampling:
    """How tokens are chosen."""
    return Sampling(
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.top_k,
    )


def requests_for(
    pairs: Sequence[Pair], shots: Sequence[Shot], settings: SynthPairsSettings
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


def run(settings: SynthPairsSettings, progress: Progress = SILENT) -> SynthPairsResult:
    """Write a neutral version of every sentence of ``settings.input`` to ``settings.output``.

    A file as output is resumable: beside it lie ``NAME.journal`` while the work runs, ``NAME.detox.json``
    (what made it) when it is done, and ``NAME.rejects.jsonl`` if rows could not be read.

    Raises:
        BadData: Nothing can be read, or there are too few examples.
        BadSettings: Something else is at the output.
        Missing: The model cannot be had.
    """
    started = time.time()
    check_target(settings.output)
    work = prepare(settings)
    if settings.output == "-":
        result, rows = write_pairs(settings, work, None, started, progress)
        write_rows("-", rows)
        return result
    with claim_output(settings.output, work.fingerprint, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.warn(f"{settings.output} is finished already; nothing was done")
            return SynthPairsResult(**(read_manifest(claim.path) or {})["metrics"])
        with claim.open_journal() as journal:
            result, rows = write_pairs(settings, work, journal, started, progress)
        write_rows(claim.path, rows)
        write_manifest(
            claim.path,
            command="synth pairs",
            settings=settings.model_dump(mode="json"),
            inputs=[name for name in (settings.input, settings.shots) if name and name != "-"],
            models={"writer": {"name": work.source.name, "fingerprint": work.source.fingerprint}},
            scorers={},
            metrics=result.model_dump(mode="json"),
            started=started,
            fingerprint=work.fingerprint,
        )
        claim.finish()
    return result


@dataclass(frozen=True)
class Work:
    """Everything that decides the output, before a model is loaded."""

    pairs: list[Pair]
    requests: dict[str, Request]
    shots: list[Shot]
    source: ModelSource
    rejected: int
    fingerprint: str


def prepare(settings: SynthPairsSettings) -> Work:
    """Read the sentences and the examples, find the model, and form the requests."""
    with Rejects(rejects_path(settings), settings.strict) as rejects:
        pairs = read_pairs(
            settings.input,
            rejects,
            toxic_column=settings.text_column,
            need_reference=False,
            split=settings.split,
            limit=settings.limit,
        )
        shots = choose_shots(settings, pairs, rejects)
    source = find_model(settings.model, settings.revision)
    requests = requests_for(pairs, shots, settings)
    decisive = fingerprint(
        command="synth pairs",
        requests=[asdict(request) for request in requests.values()],
        rows=[(pair.id, pair.toxic, pair.references, pair.lang) for pair in pairs],
        sampling=asdict(sampling_of(settings)),
        model=source.fingerprint,
        numerics=[settings.device, settings.dtype, settings.batch_tokens],
    )
    return Work(pairs, requests, shots, source, rejects.count, decisive)


def rejects_path(settings: SynthPairsSettings) -> Path | None:
    """Where rows that cannot be read go; nowhere but into the count if the output is stdout."""
    if settings.rejects is None and settings.output != "-":
        return Path(f"{settings.output}.rejects.jsonl")
    return settings.rejects


def write_pairs(
    settings: SynthPairsSettings, work: Work, journal: Journal | None, started: float, progress: Progress
) -> tuple[SynthPairsResult, list[dict[str, Any]]]:
    """Ask the model, and put its answers beside their sources, in the order of the input."""
    progress.stage(f"loading {work.source.name}")
    engine = load_engine(settings, work.source, progress)
    requests = list(work.requests.values())
    answers = answer(engine, requests, sampling_of(settings), journal, progress, "rewriting")
    provenance = {
        "model": work.source.name,
        "model_fingerprint": work.source.fingerprint,
        "prompt_id": DETOX_EN_V1.id,
        "num_shots": len(work.shots),
        "shot_style": settings.shot_style,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
    }
    rows = [pair_row(pair, answers[work.requests[source_key(pair)].id], provenance) for pair in work.pairs]
    return _result(settings, work, rows, answers, started), rows


def load_engine(settings: SynthPairsSettings, source: ModelSource, progress: Progress) -> Engine:
    """The engine that answers, with its model in memory."""
    loaded = load_causal(source, settings.device, settings.dtype, settings.trust_remote_code)
    return TransformersEngine(loaded, batch_tokens=settings.batch_tokens, warn=progress.warn)


def _result(
    settings: SynthPairsSettings,
    work: Work,
    rows: Sequence[dict[str, Any]],
    answers: Mapping[str, Completion],
    started: float,
) -> SynthPairsResult:
    declined = {row["seed"]: float(row["refusal"]) for row in rows}  # one seed for each different source
    counts = Counter(flag for row in rows for flag in row["flags"])
    return SynthPairsResult(
        files=[] if settings.output == "-" else [Path(settings.output)],
        rows=len(rows),
        unique_sources=len(work.requests),
        usable=sum(not row["flags"] for row in rows),
        refusals=mean_interval(list(declined.values()), seed=settings.seed),
        flags=dict(sorted(counts.items())),
        rejects=work.rejected,
        new_tokens=sum(sample.tokens for found in answers.values() for sample in found.samples),
        seconds=round(time.time() - started, 2),
    )
