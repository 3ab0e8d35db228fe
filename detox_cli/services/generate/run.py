"""``detox generate``: continuations or rewrites for a file of prompts."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from detox_cli.data.lines import shown_name
from detox_cli.data.reading import Row, pick_column, read_rows, rows_with_text
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import check_target
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.chains.asking import ChainForm
from detox_cli.generation.requests import Completion, Engine, Request, Sampling, Turn
from detox_cli.generation.seeds import row_seed
from detox_cli.models.rewriting import Rewriting
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.answering import Answers, answer
from detox_cli.services.chain_answers import (
    ChainAnswers,
    answer_chains,
    chain_sampling,
    form_of,
    tell_malformed,
)
from detox_cli.services.engine import Writer, find_writer
from detox_cli.services.generate.chains import ChainCounts, chain_counts, chain_values, check_chain
from detox_cli.services.generate.result import GenerateResult
from detox_cli.services.generate.sampling import sampling_for
from detox_cli.services.row_output import Origin, rejects_path, write_once
from detox_cli.settings.generate import GenerateSettings

SILENT = Silent()
TEXT = ("prompt", "text", "toxic", "toxic_sentence", "toxic_comment", "en_toxic_comment", "sentence", "input")


@dataclass(frozen=True)
class Work:
    """Everything that decides the output, before a model's weights are loaded."""

    rows: list[Row]
    prompts: list[str]
    requests: list[Request]
    sampling: Sampling
    writer: Writer
    fingerprint: str
    form: ChainForm | None = None


def run(settings: GenerateSettings, progress: Progress = SILENT) -> GenerateResult:
    """Answer every prompt of ``settings.input``, in ``settings.output``, in the order of the input.

    A file as output is resumable: beside it lie ``NAME.journal`` while the work runs, ``NAME.detox.json``
    (what made it) when it is done, and ``NAME.rejects.jsonl`` if rows could not be used.

    Raises:
        BadData: No prompt can be read or answered.
        BadSettings: The settings contradict each other or the model, or something else is at the output.
        Missing: The model cannot be had.
    """
    check_target(settings.output)
    with Rejects(rejects_path(settings.rejects, settings.output), settings.strict) as rejects:
        work = prepare(settings, rejects)
        origin = Origin(
            command="generate",
            settings=settings,
            inputs=[settings.input],
            models={"writer": work.writer.identity},
            fingerprint=work.fingerprint,
        )

        def compute(journal: Journal | None) -> tuple[GenerateResult, list[dict[str, Any]]]:
            return respond(settings, work, rejects, journal, progress)

        return write_once(
            settings.output,
            origin,
            GenerateResult,
            compute,
            progress,
            overwrite=settings.overwrite,
            rejects=rejects,
        )


def prepare(settings: GenerateSettings, rejects: Rejects) -> Work:
    """Read the prompts, find the model, decide how tokens are chosen, and form the requests."""
    writer = find_writer(settings)
    check_chain(settings)
    form = form_of(settings, writer, settings.max_new_tokens)
    if settings.chat and writer.encoder_decoder:
        raise BadSettings(f"{writer.name} reads text, not a conversation", hint="leave --chat out")
    sampling = sampling_for(settings, writer)
    rows = read_rows(settings.input, rejects, split=settings.split, limit=settings.limit)
    column = pick_column(rows, settings.text_column, TEXT, settings.input, flag="--text-column")
    rows = rows_with_text([_unnested(row, column) for row in rows], column, rejects)
    if form is not None:
        requests = [_chain_request(row, column, settings, form) for row in rows]
        sampling = chain_sampling(settings, form, writer, requests, sampling)
    else:
        rows, texts = _framed(rows, column, settings, writer, rejects)
        requests = [request_for(row, text, settings) for row, text in zip(rows, texts, strict=True)]
    rows, requests = _answerable(writer.faults(requests, sampling), rows, requests, rejects)
    prompts = [str(row.values[column]) for row in rows]
    decisive = fingerprint(
        command="generate",
        requests=map(asdict, requests),
        sampling=asdict(sampling),
        writer=writer.decisive,
        chain=[*form.decisive, settings.show_chain, settings.answer_only] if form else None,
    )
    return Work(rows, prompts, requests, sampling, writer, decisive, form)


def _chain_request(row: Row, column: str, settings: GenerateSettings, form: ChainForm) -> Request:
    text = str(row.values[column])
    return form.request(row.id, text, row_seed(settings.seed, row.id), settings.num_samples)


def request_for(row: Row, text: str, settings: GenerateSettings) -> Request:
    """What is asked for one row: the prefix and its text, raw or as a conversation."""
    whole = settings.prefix + text
    turns = (Turn("system", settings.system),) if settings.system is not None else ()
    prompt = (*turns, Turn("user", whole)) if settings.chat else whole
    return Request(row.id, prompt, seed=row_seed(settings.seed, row.id), samples=settings.num_samples)


def respond(
    settings: GenerateSettings, work: Work, rejects: Rejects, journal: Journal | None, progress: Progress
) -> tuple[GenerateResult, list[dict[str, Any]]]:
    """Ask the model; the summary, and one row per prompt that could be answered."""
    habits = Rewriting() if work.form else Rewriting.of(getattr(work.writer, "config", None))
    if not settings.prefix and (own := habits.template or habits.prefix):
        progress.stage(f"every text stands in the frame that the model was trained with: {own!r}")
    engine = work.writer.load(progress)
    began, before = time.monotonic(), _answered(work.requests, journal)
    answers: Answers | ChainAnswers
    if work.form is None:
        answers = answer(engine, work.requests, work.sampling, journal, progress, "generating")
    else:
        answers = answer_chains(engine, work.form, work.requests, work.sampling, journal, progress)
    seconds = time.monotonic() - began
    _, requests = _answerable(answers.faults, work.rows, work.requests, rejects)
    texts = {request.id: text for request, text in zip(work.requests, work.prompts, strict=True)}
    completions = answers.completions
    values = {name: _values(completion) for name, completion in completions.items()}
    chains = None
    if isinstance(answers, ChainAnswers) and work.form is not None:
        values = {name: chain_values(some, settings) for name, some in answers.answers.items()}
        chains = chain_counts(list(answers.answers.values()), work.form, settings.seed)
        tell_malformed(chains.malformed, chains.samples, work.form, progress)
    rows = [_row(texts[r.id], completions[r.id], values[r.id], work.writer) for r in requests]
    declined = None if chains else mark_abstentions(rows, work.writer)
    return _result(settings, engine, completions, rejects, seconds, before, declined, chains), rows


def _answered(requests: list[Request], journal: Journal | None) -> int:
    """How many requests an earlier, interrupted run has answered."""
    wanted = {request.id for request in requests}
    return sum(record["id"] in wanted for record in (journal.records() if journal is not None else ()))


def mark_abstentions(rows: list[dict[str, Any]], writer: Writer) -> int | None:
    """Add to each row whether its answers decline, and count them; ``None`` if the model never learnt to.

    What a server runs does not say how it was trained.
    """
    habits = Rewriting.of(getattr(writer, "config", None))
    if habits.abstain_text is None:
        return None
    count = 0
    for row in rows:
        declined = [habits.declines(text) for text in row.get("outputs", [row.get("output", "")])]
        row["abstained"] = declined if "outputs" in row else declined[0]
        count += sum(declined)
    return count


def _framed(
    rows: list[Row], column: str, settings: GenerateSettings, writer: Writer, rejects: Rejects
) -> tuple[list[Row], list[str]]:
    """The rows with what the model reads of each: a rewriter's own frame, unless ``--prefix`` replaces it.

    Raises:
        BadData: No row has what the model's template names.
    """
    habits = Rewriting() if settings.prefix else Rewriting.of(getattr(writer, "config", None))
    kept, texts = [], []
    for row in rows:
        try:
            texts.append(habits.frame(str(row.values[column]), row.values))
            kept.append(row)
        except KeyError as missing:
            reason = f"column {missing} is empty, and the model's template names it: {habits.template}"
            rejects.add(row.where, reason, dict(row.values))
    if not kept:
        hint = "add these columns, or give the text in front with --prefix"
        message = f"no row has what the model's template names: {habits.template}"
        raise BadData(message, where=shown_name(settings.input), hint=hint)
    return kept, texts


def _unnested(row: Row, column: str) -> Row:
    """RealToxicityPrompts keeps its prompts as ``{"prompt": {"text": …}}``."""
    inner = row.values.get(column)
    if isinstance(inner, Mapping) and "text" in inner:
        return replace(row, values={**row.values, column: inner["text"]})
    return row


def _answerable(
    faults: Mapping[str, str], rows: list[Row], requests: list[Request], rejects: Rejects
) -> tuple[list[Row], list[Request]]:
    """The rows without a fault; the others are rejected with the reason.

    Raises:
        BadData: There is none.
    """
    kept = []
    for place, (row, request) in enumerate(zip(rows, requests, strict=True)):
        if request.id in faults:
            rejects.add(row.where, faults[request.id], dict(row.values))
        else:
            kept.append(place)
    if not kept:
        first = faults[requests[0].id]
        raise BadData(
            f"none of {len(rows)} prompts can be answered; the first: {first}",
            hint="correct the prompts, or choose another model",
        )
    return [rows[place] for place in kept], [requests[place] for place in kept]


def _values(completion: Completion) -> dict[str, list[Any]]:
    samples = completion.samples
    return {
        "output": [sample.text for sample in samples],
        "finish_reason": [sample.finish_reason for sample in samples],
        "tokens": [sample.tokens for sample in samples],
    }


def _row(
    prompt: str, completion: Completion, answers: dict[str, list[Any]], writer: Writer
) -> dict[str, Any]:
    """A row of the output: one answer as plain values, several as lists."""
    shown: dict[str, Any]
    if len(answers["output"]) == 1:
        shown = {name: values[0] for name, values in answers.items()}
    else:
        names = {"output": "outputs", "finish_reason": "finish_reasons"}
        shown = {names.get(name, name): values for name, values in answers.items()}
    return {
        "id": completion.id,
        "prompt": prompt,
        **shown,
        "prompt_tokens": completion.prompt_tokens,
        "seed": completion.seed,
        "model": writer.name,
        "model_fingerprint": writer.fingerprint,
    }


def _result(
    settings: GenerateSettings,
    engine: Engine,
    answers: Mapping[str, Completion],
    rejects: Rejects,
    seconds: float,
    resumed: int,
    declined: int | None,
    chains: ChainCounts | None,
) -> GenerateResult:
    samples = [sample for completion in answers.values() for sample in completion.samples]
    new = [sample for completion in list(answers.values())[resumed:] for sample in completion.samples]
    return GenerateResult(
        files=[] if settings.output == "-" else [Path(settings.output)],
        prompts=len(answers),
        samples=len(samples),
        resumed=resumed,
        rejects=rejects.count,
        abstained=declined,
        empty=sum(not sample.text.strip() for sample in samples),
        finish_reasons=dict(sorted(Counter(sample.finish_reason for sample in samples).items())),
        new_tokens=sum(sample.tokens for sample in samples),
        tokens_per_second=round(sum(sample.tokens for sample in new) / seconds, 1) if new else 0.0,
        engine=dict(engine.identity),
        chains=chains,
    )
