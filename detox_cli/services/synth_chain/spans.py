"""Stage ``spans``: prompts are chosen, and the toxic spans of toxic ones found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from detox_cli.data.chains.record import ChainRecord
from detox_cli.data.chains.record import Span as RecordSpan
from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.readers.read import read_prompts
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import source_key
from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.spans.detector import SpanDetector
from detox_cli.scoring.spans.load import detector_content, find_span_detector, load_span_detector
from detox_cli.scoring.spans.span import Span
from detox_cli.services.synth_chain.choosing import Sides, Weighed, chosen, sides_of, weigh
from detox_cli.services.synth_chain.detecting import candidates
from detox_cli.services.synth_chain.detecting import chosen as chosen_spans
from detox_cli.services.synth_chain.masking import mask_rate
from detox_cli.services.synth_chain.stage import Made, Prepared, Records
from detox_cli.services.synth_chain.toxicity import find_toxicity, load_toxicity
from detox_cli.settings.synth_chain import SynthChainSettings

TEST = "test.jsonl"
"""The prompts that are put aside."""
NO_SCORE = "the scorer gives its prompt no score"
NO_SPAN = "no toxic span found"
DECISIVE = (
    "tox_threshold",
    "span_threshold",
    "lower_threshold",
    "max_samples",
    "toxic_ratio",
    "test_share",
    "rescore",
    "seed",
)


def prepare(settings: SynthChainSettings, rejects: Rejects) -> Prepared:
    """Read the prompts, and find detector and scorer.

    Raises:
        BadData: There are no prompts.
        BadSettings: They are not named, or the name of a scorer or detector is wrong.
        Missing: A model or data set cannot be had.
    """
    sides = read_sides(settings, rejects)
    find_span_detector(settings.detector)
    content, scorer = detector_content(settings.detector), find_toxicity(settings)

    def compute(_: Records, journal: Journal | None, progress: Progress) -> Made:
        return find_spans(settings, sides, journal, progress)

    return Prepared(
        decisive={
            "prompts": [asdict(replace(prompt, where="")) for prompt in (*sides.train, *sides.test)],
            "detector": content,
            "scorer": scorer,
            "settings": {name: getattr(settings, name) for name in DECISIVE},
        },
        compute=compute,
        scorers={"spans": " ".join(content), "toxicity": " ".join(map(str, scorer))},
        inputs=[settings.prompts, *settings.exclude],
    )


def read_sides(settings: SynthChainSettings, rejects: Rejects) -> Sides:
    """The prompts, apart from those to test with.

    Raises:
        BadSettings: No prompts are named.
        BadData: None can be used.
    """
    if settings.prompts is None:
        hint = "name them with --prompts, or give what a stage has made with --from and --data"
        raise BadSettings("there are no prompts to make chains of", where="--prompts", hint=hint)
    prompts = _read(settings, settings.prompts, rejects, settings.limit)
    barred = {
        source_key(prompt.text)
        for name in settings.exclude
        for prompt in read_prompts(name, rejects, split=settings.split)
    }
    sides = sides_of(prompts, settings, barred)
    if not sides.train:
        hint = "give more prompts, or lower --test-share"
        raise BadData(f"none of its {len(prompts)} prompts is left to use", where=settings.prompts, hint=hint)
    return sides


def find_spans(
    settings: SynthChainSettings, sides: Sides, journal: Journal | None, progress: Progress
) -> Made:
    """Score what has no score, choose, and look for spans in what is toxic."""
    weighed = chosen(_weighed(settings, sides.train, progress), settings)
    write_rows(settings.output / TEST, [_test_row(prompt) for prompt in sides.test])
    texts = {one.prompt.id: one.prompt.text for one in weighed if one.is_toxic}
    found: Mapping[str, list[Span]] = {}
    ways: Counter[str] = Counter()
    if texts:
        detector = load_detector(settings, progress)
        pieces = candidates(detector, texts, journal, progress, "looking for toxic spans")
        limit, lower = thresholds(detector, settings)
        picked = {name: chosen_spans(text, pieces[name], limit, lower) for name, text in texts.items()}
        found = {name: spans for name, (spans, _) in picked.items()}
        ways = Counter(way for _, way in picked.values())
    records = [_record(one, found.get(one.prompt.id)) for one in weighed]
    counts = {
        "put aside to test with": len(sides.test),
        **{f"prompts {reason}": count for reason, count in sides.left_out.items()},
        "more prompts than wanted": len(sides.train) - len(weighed),
        "found at the lower threshold only": ways["lower"],
        "found as the strongest piece only": ways["strongest"],
    }
    toxic = [(texts[name], spans) for name, spans in found.items() if spans]
    values = {
        "spans of a toxic prompt": [float(len(spans)) for _, spans in toxic],
        "share of its characters": [mask_rate(text, spans) for text, spans in toxic],
    }
    return Made(records, counts, values)


def load_detector(settings: SynthChainSettings, progress: Progress) -> SpanDetector:
    """The detector in memory."""
    progress.stage(f"loading {settings.detector}")
    cache = ScoreCache(on_warning=progress.warn)
    return load_span_detector(
        settings.detector, threshold=settings.span_threshold, device=settings.device, cache=cache
    )


def thresholds(detector: SpanDetector, settings: SynthChainSettings) -> tuple[float, float]:
    """From which score on a piece is toxic, and from which where none is: half of that if nobody says."""
    limit = detector.threshold if settings.span_threshold is None else settings.span_threshold
    return limit, limit / 2 if settings.lower_threshold is None else settings.lower_threshold


def _read(settings: SynthChainSettings, source: str, rejects: Rejects, limit: int | None) -> list[Prompt]:
    return read_prompts(source, rejects, column=settings.text_column, split=settings.split, limit=limit)


def _weighed(settings: SynthChainSettings, prompts: Sequence[Prompt], progress: Progress) -> list[Weighed]:
    """All prompts with their toxicity; the scorer is loaded if one has none."""
    known = {p.id: p.toxicity for p in prompts if p.toxicity is not None and not settings.rescore}
    rest = [p for p in prompts if p.id not in known and (p.stratum is None or settings.rescore)]
    if rest:
        toxicity = load_toxicity(settings, progress)
        progress.stage(f"scoring {len(rest)} prompts that say not how toxic they are")
        found = toxicity.of([prompt.text for prompt in rest], progress)
        known |= {p.id: score for p, score in zip(rest, found, strict=True) if score is not None}
    return [weigh(prompt, known.get(prompt.id), settings.tox_threshold) for prompt in prompts]


def _record(one: Weighed, spans: Sequence[Span] | None) -> ChainRecord:
    prompt = one.prompt
    dropped = NO_SCORE if one.is_toxic is None else None
    if spans is not None and not spans:
        dropped = NO_SPAN
    return ChainRecord.model_validate(
        {
            "id": prompt.id,
            "source": prompt.source,
            "text": prompt.text,
            "toxicity": one.toxicity,
            "is_toxic": one.is_toxic,
            "spans": None if spans is None else tuple(RecordSpan(**span._asdict()) for span in spans),
            "dropped": dropped,
        }
    )


def _test_row(prompt: Prompt) -> dict[str, Any]:
    known = {"toxicity": prompt.toxicity, "stratum": prompt.stratum, "source": prompt.source}
    said = {name: value for name, value in known.items() if value is not None}
    return {"id": prompt.id, "prompt": prompt.text, **said}
