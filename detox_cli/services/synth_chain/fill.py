"""Stage ``fill``: harmless words in the place of masks, or the prompt rewritten; the best that passes."""

from collections import Counter
from collections.abc import Callable, Sequence

from detox_cli.data.chains.record import ChainRecord, Fill
from detox_cli.errors import BadData, BadSettings
from detox_cli.models.loading import load_causal, read_config
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.identity import scorer_content
from detox_cli.scoring.load import find_scorer, load_pair_scorer
from detox_cli.services.engine import ONLY_FOR, find_writer
from detox_cli.services.synth_chain.fillers import (
    CHANGED,
    COPY,
    DECLINED,
    FILL_EN_V1,
    LONG,
    NOTHING,
    find_filler,
)
from detox_cli.services.synth_chain.filling import UNREADABLE, Asking, fill_all, reason_of
from detox_cli.services.synth_chain.gates import (
    LARGEST,
    TOXIC,
    UNLIKE,
    UNSCORED,
    Gates,
    Tries,
    Try,
    best_of,
    with_perplexity,
)
from detox_cli.services.synth_chain.stage import Made, Prepared, Records, toxic_alive, updated
from detox_cli.services.synth_chain.toxicity import find_toxicity, load_toxicity
from detox_cli.settings.engine import EngineChoice, EngineOptions
from detox_cli.settings.synth_chain import SynthChainSettings

GATES = (UNREADABLE, DECLINED, NOTHING, COPY, LONG, CHANGED, UNSCORED, TOXIC, UNLIKE)
"""Faults from the first gate to the last."""
ORDER = {fault: place for place, fault in enumerate(GATES)}
LESS_SIMILAR, LESS_FLUENT = "less similar than those to keep", "less fluent than those to keep"
NO_MASKS = "it has not been masked"
DECISIVE = (
    "tox_threshold",
    "fill_mode",
    "num_fills",
    "fill_retries",
    "fill_temperature",
    "fill_top_p",
    "fill_tokens",
    "accept_paraphrase",
    "min_similarity",
    "keep_similar",
    "keep_fluent",
    "seed",
)


def prepare(settings: SynthChainSettings) -> Prepared:
    """Find the filler, and everything that judges what it writes.

    Raises:
        BadSettings: Options do not go together, or the filler cannot be asked that way.
        Missing: A model is not there.
    """
    _check_server(settings)
    writer = find_writer(filler_options(settings))
    mode, filler = find_filler(writer, settings.fill_mode, settings.fill_tokens)
    scorer, judge = find_toxicity(settings), find_judge(settings)
    find_scorer(settings.similarity)
    if settings.keep_fluent is not None and judge is None:
        raise BadSettings("needs a model that measures perplexity", where="--keep-fluent", hint="add --judge")
    asking = Asking(writer, filler, settings)

    def compute(records: Records, journal: Journal | None, progress: Progress) -> Made:
        return fill(records, settings, asking, judge, journal, progress)

    return Prepared(
        decisive={
            "settings": {name: getattr(settings, name) for name in DECISIVE},
            "writer": writer.decisive,
            "mode": mode,
            "instruction": FILL_EN_V1,
            "scorer": scorer,
            "similarity": scorer_content(settings.similarity),
            "judge": judge.fingerprint if judge else None,
        },
        compute=compute,
        models={"filler": {**writer.identity, "mode": mode}, **_identity(judge)},
        scorers={"toxicity": " ".join(scorer), "similarity": " ".join(scorer_content(settings.similarity))},
    )


def filler_options(settings: SynthChainSettings) -> EngineOptions:
    """The filler, and what runs it: options that its engine does not know stay with the target's."""
    engine = settings.filler_engine
    own = {"engine", "revision", "adapter", "base_url"}
    values = {
        name: getattr(settings, name)
        for name in EngineChoice.model_fields
        if name not in own and engine in ONLY_FOR.get(name, (engine,))
    }
    adapter, url = settings.filler_adapter, settings.filler_base_url
    return EngineOptions(model=settings.filler, engine=engine, adapter=adapter, base_url=url, **values)


def _check_server(settings: SynthChainSettings) -> None:
    """Raise ``BadSettings``, in the words of our options, for a server without an address or the reverse."""
    served, url = settings.filler_engine == "server", settings.filler_base_url
    if served and not url:
        hint = "add --filler-base-url http://localhost:8000/v1"
        raise BadSettings("--filler-engine server needs the address of the server", hint=hint)
    if url and not served:
        hint = "add --filler-engine server, or leave it out"
        raise BadSettings("--filler-base-url has no meaning without a server", hint=hint)


def find_judge(settings: SynthChainSettings) -> ModelSource | None:
    """What measures perplexity: as named, else the target if it is a causal model of this machine.

    Raises:
        BadSettings: It is no causal model.
    """
    if settings.judge is None and (settings.model is None or settings.engine == "server"):
        return None
    source = find_model(settings.judge or str(settings.model), None if settings.judge else settings.revision)
    if not read_config(source, settings.trust_remote_code).is_encoder_decoder:
        return source
    if settings.judge is None:
        return None
    hint = "name a decoder-only model"
    raise BadSettings(f"{settings.judge} is an encoder-decoder", where="--judge", hint=hint)


def fill(
    records: Records,
    settings: SynthChainSettings,
    asking: Asking,
    judge: ModelSource | None,
    journal: Journal | None,
    progress: Progress,
) -> Made:
    """A safe text for every record: of a toxic prompt the best fill, of another one the prompt itself.

    Raises:
        BadData: There are toxic prompts, and nothing that was written for them can be used.
    """
    masked = toxic_alive(records)
    unmasked = {one.id: one.with_(dropped=NO_MASKS) for one in masked if one.masked is None}
    masked = [one for one in masked if one.id not in unmasked]
    tries = _tries(masked, settings, asking, judge, journal, progress) if masked else {}
    new = unmasked | {record.id: _done(record, tries[record.id]) for record in masked}
    new = _selected(new, settings)
    _check_any(masked, new, settings)
    new |= {one.id: one.with_(safe_text=one.text) for one in records if one.dropped is None and not one.toxic}
    return Made(updated(records, new), _counts(tries), _values([new[one.id] for one in masked]))


def _tries(
    records: Sequence[ChainRecord],
    settings: SynthChainSettings,
    asking: Asking,
    judge: ModelSource | None,
    journal: Journal | None,
    progress: Progress,
) -> Tries:
    toxicity = load_toxicity(settings, progress)
    similarity = load_pair_scorer(settings.similarity, device=settings.device)
    cache = ScoreCache(on_warning=progress.warn)
    gates = Gates(toxicity, similarity, cache, settings.tox_threshold, settings.min_similarity)
    engine = asking.writer.load(progress)
    tries = fill_all(asking, engine, records, gates, journal, progress)
    del engine  # its memory is the judge's now
    if judge is None:
        return tries
    progress.stage(f"ranking fills by the perplexity of {judge.name}")
    return with_perplexity(tries, load_causal(judge, settings.device), progress)


def _done(record: ChainRecord, tries: Sequence[Try]) -> ChainRecord:
    best = best_of(tries)
    fills = tuple(one.fill() for one in tries)
    if best is None:
        return record.with_(fills=fills, dropped=f"no fill: {reason_of(tries, ORDER)}")
    return record.with_(fills=fills, safe_text=tries[best].text)


def chosen_fill(record: ChainRecord) -> Fill | None:
    """The fill that the safe text is."""
    return next((one for one in record.fills or () if one.accepted and one.text == record.safe_text), None)


def _selected(records: dict[str, ChainRecord], settings: SynthChainSettings) -> dict[str, ChainRecord]:
    """Of the filled prompts the most similar, and of these the most fluent; the others are dropped.

    The paper chooses its toxic prompts by similarity, and by perplexity among them (appendix D.2), and does
    not say of what; here of the filled prompt, whose similarity is to the original.
    """
    similar = _first(records, settings.keep_similar, LESS_SIMILAR, lambda fill: -(fill.sim or 0.0))
    return _first(similar, settings.keep_fluent, LESS_FLUENT, lambda fill: fill.ppl or LARGEST)


def _first(
    records: dict[str, ChainRecord], most: int | None, reason: str, key: Callable[[Fill], float]
) -> dict[str, ChainRecord]:
    """The records, of those that are not dropped only the first ``most`` by ``key`` still so."""
    fills = {name: fill for name, one in records.items() if (fill := chosen_fill(one)) is not None}
    live = [name for name in fills if records[name].dropped is None]
    live.sort(key=lambda name: (key(fills[name]), name))
    late = live[most:] if most is not None else []
    return records | {name: records[name].with_(dropped=reason) for name in late}


def _check_any(
    masked: Sequence[ChainRecord], new: dict[str, ChainRecord], settings: SynthChainSettings
) -> None:
    if not masked or any(new[one.id].dropped is None for one in masked):
        return
    reasons = Counter(new[one.id].dropped for one in masked).most_common(3)
    shown = "; ".join(f"{reason}: {count}" for reason, count in reasons)
    hint = "name another --filler or --fill-mode, loosen --min-similarity, or raise --fill-retries"
    message = f"{settings.filler} wrote nothing usable for any of {len(masked)} toxic prompts ({shown})"
    raise BadData(message, where="--filler", hint=hint)


def _counts(tries: Tries) -> dict[str, int]:
    faults = [one.fault for some in tries.values() for one in some]
    refused = {f"fills refused: {fault}": faults.count(fault) for fault in GATES}
    return {"fills": len(faults), "fills accepted": faults.count(None), **refused}


def _values(records: Sequence[ChainRecord]) -> dict[str, list[float]]:
    pairs = [(one, chosen_fill(one)) for one in records if one.dropped is None]
    fills = [fill for _, fill in pairs if fill is not None]
    values: dict[str, list[float]] = {
        "share of toxic prompts filled": [float(one.dropped is None) for one in records],
        "toxicity of the filled prompt": [fill.tox for fill in fills if fill.tox is not None],
        "similarity to the original": [fill.sim for fill in fills if fill.sim is not None],
        "perplexity of the filled prompt": [fill.ppl for fill in fills if fill.ppl is not None],
    }
    return values


def _identity(judge: ModelSource | None) -> dict[str, dict[str, str]]:
    return {"judge": {"name": judge.name, "fingerprint": judge.fingerprint}} if judge else {}
