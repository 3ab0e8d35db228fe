"""Stage ``mask``: spans give way to masks, until the scorer finds the rest harmless.

Algorithm 1 of CMD (Tang et al., EMNLP 2024) looks at a masked text up to K = 5 times and discards it if it is
toxic still; here each time the next spans are masked, or the next word where the detector names none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from detox_cli.data.chains.record import MASK, ChainRecord
from detox_cli.data.chains.record import Span as RecordSpan
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.scoring.spans.load import detector_content, find_span_detector
from detox_cli.scoring.spans.span import Span, joined
from detox_cli.services.synth_chain.detecting import candidates, chosen
from detox_cli.services.synth_chain.masking import blanked, mask_rate, masked_text, visible_text
from detox_cli.services.synth_chain.spans import NO_SCORE, load_detector, thresholds
from detox_cli.services.synth_chain.stage import Made, Prepared, Records, toxic_alive, updated
from detox_cli.services.synth_chain.toxicity import find_toxicity, load_toxicity
from detox_cli.settings.synth_chain import SynthChainSettings

OWN_MASK = f"its prompt has {MASK} in it"
NO_SPANS = "it has no toxic spans"
TOXIC = "still toxic when masked"
NOTHING = "nothing but masks is left"
DECISIVE = ("tox_threshold", "span_threshold", "lower_threshold", "mask_passes")


@dataclass
class Masking:
    """A prompt on its way: its spans so far, how toxic the rest is, and why it is given up."""

    text: str
    spans: list[Span]
    rest: float | None = None
    dropped: str | None = None

    @property
    def visible(self) -> str:
        """What is not masked."""
        return visible_text(self.text, self.spans)


def prepare(settings: SynthChainSettings) -> Prepared:
    """Find scorer and detector, which are needed where masked prompts are looked at again."""
    again = settings.mask_passes > 0
    scorer = find_toxicity(settings) if again else []
    content: list[str] = []
    if again:
        find_span_detector(settings.detector)
        content = detector_content(settings.detector)

    def compute(records: Records, journal: Journal | None, progress: Progress) -> Made:
        return mask(records, settings, journal, progress)

    return Prepared(
        decisive={
            "settings": {name: getattr(settings, name) for name in DECISIVE},
            "scorer": scorer,
            "detector": content,
        },
        compute=compute,
        scorers={"spans": " ".join(content), "toxicity": " ".join(map(str, scorer))} if again else {},
    )


def mask(records: Records, settings: SynthChainSettings, journal: Journal | None, progress: Progress) -> Made:
    """Mask every toxic prompt; those that stay toxic are dropped."""
    states = {record.id: _begin(record) for record in toxic_alive(records)}
    passes = _until_safe(states, settings, journal, progress) if settings.mask_passes and states else 0
    new = {record.id: _done(record, states[record.id]) for record in records if record.id in states}
    kept = [one for one in states.values() if one.dropped is None]
    values = {
        "mask rate": [mask_rate(one.text, one.spans) for one in kept],
        "masks of a prompt": [float(masked_text(one.text, one.spans).count(MASK)) for one in kept],
        "toxicity of what is left": [one.rest for one in kept if one.rest is not None],
    }
    return Made(updated(records, new), {"prompts masked further": passes}, values)


def _begin(record: ChainRecord) -> Masking:
    spans = [Span(one.start, one.end, one.score or 0.0) for one in record.spans or ()]
    state = Masking(record.text, joined(record.text, spans))
    if MASK in record.text:
        state.dropped = OWN_MASK
    elif not spans:
        state.dropped = NO_SPANS
    else:
        _drop_empty(state)
    return state


def _until_safe(
    states: Mapping[str, Masking], settings: SynthChainSettings, journal: Journal | None, progress: Progress
) -> int:
    """Mask more of what is toxic, up to ``mask_passes`` times; how many prompts were masked further."""
    toxicity, detector = load_toxicity(settings, progress), None
    further: set[str] = set()
    for number in range(1, settings.mask_passes + 1):
        live = _open(states, settings)
        if not live:
            break
        progress.stage(f"scoring {len(live)} masked prompts, pass {number}")
        texts = [one.visible for one in live.values()]
        for one, score in zip(live.values(), toxicity.of(texts, progress), strict=True):
            one.rest, one.dropped = score, NO_SCORE if score is None else None
        toxic = _open(states, settings)
        if number == settings.mask_passes:
            for one in toxic.values():
                one.dropped = TOXIC
        elif toxic:
            detector = detector or load_detector(settings, progress)
            left = {name: blanked(one.text, one.spans) for name, one in toxic.items()}
            found = candidates(detector, left, journal, progress, f"masking further, pass {number + 1}")
            limits = thresholds(detector, settings)
            further |= {
                name for name, one in toxic.items() if _mask_more(one, left[name], found[name], limits)
            }
    return len(further)


def _mask_more(one: Masking, left: str, pieces: list[Span], limits: tuple[float, float]) -> bool:
    """Mask what the detector names in the rest of a prompt; whether it names anything."""
    more, _ = chosen(left, pieces, *limits)
    one.spans = joined(one.text, [*one.spans, *more])
    one.dropped = None if more else TOXIC
    _drop_empty(one)
    return bool(more)


def _drop_empty(one: Masking) -> None:
    if not any(character.isalnum() for character in one.visible):
        one.dropped = NOTHING


def _open(states: Mapping[str, Masking], settings: SynthChainSettings) -> dict[str, Masking]:
    """Those that have to be looked at: nobody has scored the rest of them yet, or it is toxic."""
    limit = settings.tox_threshold
    return {
        name: one
        for name, one in states.items()
        if one.dropped is None and (one.rest is None or one.rest >= limit)
    }


def _done(record: ChainRecord, state: Masking) -> ChainRecord:
    spans = tuple(RecordSpan(**span._asdict()) for span in state.spans)
    return record.with_(spans=spans, masked=masked_text(record.text, state.spans), dropped=state.dropped)
