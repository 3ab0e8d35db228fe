"""Stage ``continue``: the model that is to be trained writes what follows each safe text, several times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detox_cli.data.chains.record import Candidate, ChainRecord
from detox_cli.errors import BadSettings
from detox_cli.generation.requests import Engine, Request, Sampling
from detox_cli.generation.seeds import row_seed
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.answering import answer
from detox_cli.services.engine import Writer, find_writer
from detox_cli.services.eval_generation.asking import engine_options
from detox_cli.services.synth_chain.stage import Made, Prepared, Records, alive, updated
from detox_cli.settings.synth_chain import SynthChainSettings

UNREADABLE = "too long for the model, or empty"
UNANSWERED = "the model could not continue it"
NO_SAFE_TEXT = "it has no safe text to continue"


def prepare(settings: SynthChainSettings) -> Prepared:
    """Find the model.

    Raises:
        BadSettings: None is named, or options do not go together. Missing: it cannot be had.
    """
    if settings.model is None:
        hint = "name it as the first argument, or stop before with --to fill"
        raise BadSettings("no model is named that continues the prompts", where="MODEL", hint=hint)
    if settings.temperature == 0 and settings.num_samples > 1:
        hint = "raise --temperature, or set --num-samples 1"
        raise BadSettings("greedy continuations are all the same", where="--num-samples", hint=hint)
    writer = find_writer(engine_options(settings, settings.model))
    sampling = Sampling(settings.max_new_tokens, settings.temperature, settings.top_p, settings.top_k)

    def compute(records: Records, journal: Journal | None, progress: Progress) -> Made:
        return continue_all(records, Drawing(writer, sampling, settings), journal, progress)

    return Prepared(
        decisive={
            "writer": writer.decisive,
            "settings": [
                settings.num_samples,
                settings.max_new_tokens,
                settings.temperature,
                settings.top_p,
                settings.top_k,
                settings.empty_retries,
                settings.seed,
            ],
        },
        compute=compute,
        models={"writer": writer.identity},
    )


@dataclass(frozen=True)
class Drawing:
    """The model, and how its continuations are drawn."""

    writer: Writer
    sampling: Sampling
    settings: SynthChainSettings

    def request(self, record: ChainRecord, samples: int, attempt: int) -> Request:
        """So many continuations of a safe text; every attempt has a seed of its own."""
        again = [attempt] if attempt > 1 else []
        return Request(
            record.id if attempt == 1 else f"{record.id} (attempt {attempt})",
            str(record.safe_text),
            seed=row_seed(self.settings.seed, "continue", record.id, *again),
            samples=samples,
        )


def continue_all(records: Records, drawing: Drawing, journal: Journal | None, progress: Progress) -> Made:
    """The records with their continuations, in place of empty ones others as far as the model writes any."""
    new = {one.id: one.with_(dropped=NO_SAFE_TEXT) for one in alive(records) if not one.safe_text}
    live = [one for one in alive(records) if one.id not in new]
    first = [drawing.request(one, drawing.settings.num_samples, 1) for one in live]
    faults = drawing.writer.faults(first, drawing.sampling)
    new |= {one.id: one.with_(dropped=UNREADABLE) for one in live if one.id in faults}
    live = [one for one in live if one.id not in faults]
    found: dict[str, list[Candidate]] = {}
    tokens = 0
    if live:
        found, tokens = _drawn(live, drawing, drawing.writer.load(progress), journal, progress)
    for one in live:
        got = found.get(one.id)
        new[one.id] = one.with_(candidates=tuple(got)) if got else one.with_(dropped=UNANSWERED)
    empty = sum(not candidate.text.strip() for some in found.values() for candidate in some)
    total = sum(map(len, found.values()))
    return Made(
        updated(records, new), {"continuations": total, "empty ones": empty, "tokens written": tokens}
    )


def _drawn(
    records: Sequence[ChainRecord],
    drawing: Drawing,
    engine: Engine,
    journal: Journal | None,
    progress: Progress,
) -> tuple[dict[str, list[Candidate]], int]:
    """Candidates by id, and the tokens that were written for all of them."""
    by_id = {record.id: record for record in records}
    found: dict[str, list[Candidate]] = {}
    tokens = 0
    for attempt in range(1, drawing.settings.empty_retries + 2):
        asked = _asked(by_id, found, drawing, attempt)
        if not asked:
            break
        label = "continuing" if attempt == 1 else f"continuing again, attempt {attempt}"
        answers = answer(engine, list(asked.values()), drawing.sampling, journal, progress, label)
        for name, request in asked.items():
            if request.id in answers.completions:
                samples = answers.completions[request.id].samples
                tokens += sum(sample.tokens for sample in samples)
                fresh = [Candidate(text=one.text, finish=one.finish_reason) for one in samples]
                found[name] = _mended(found.get(name, []), fresh)
    return found, tokens


def _asked(
    by_id: Mapping[str, ChainRecord], found: Mapping[str, Sequence[Candidate]], drawing: Drawing, attempt: int
) -> dict[str, Request]:
    """What is asked now: all at first, then as many as are empty."""
    if attempt == 1:
        return {name: drawing.request(one, drawing.settings.num_samples, 1) for name, one in by_id.items()}
    empty = {name: sum(not one.text.strip() for one in some) for name, some in found.items()}
    return {name: drawing.request(by_id[name], count, attempt) for name, count in empty.items() if count}


def _mended(before: list[Candidate], fresh: list[Candidate]) -> list[Candidate]:
    """The candidates with the fresh ones in the place of empty ones."""
    if not before:
        return fresh
    left = iter(fresh)
    return [one if one.text.strip() else next(left, one) for one in before]
