"""Which candidates and rows are dropped, and why; without a filter none is."""

from dataclasses import replace

from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.services.synth_pairs.candidates import Candidate, Written, best_of
from detox_cli.settings.synth import SynthPairsSettings

MEASURES = ("sta", "sim", "fl", "j")


def filters_on(settings: SynthPairsSettings) -> bool:
    """Whether rows can be dropped at all."""
    limits = [
        settings.min_toxicity,
        settings.min_chrf,
        settings.max_chrf,
        settings.min_length,
        settings.max_length,
        settings.min_toxicity_drop,
    ]
    limits += [getattr(settings, f"min_{measure}") for measure in MEASURES]
    return bool(settings.drop or settings.exclude or settings.lang) or any(
        limit is not None for limit in limits
    )


def filtered(written: Written, source: str, settings: SynthPairsSettings) -> Written:
    """The candidates with the flags that the filters add, and why the source's rows are dropped, if they are.

    A candidate that passes is preferred to one that does not, whatever their scores; rows are dropped only
    where none passes, or where the source cannot be detoxified at all.
    """
    flagged = [_flagged(candidate, source, settings) for candidate in written.candidates]
    chosen = best_of(flagged, [not reasons(candidate, settings) for candidate in flagged])
    dropped = reasons(flagged[chosen], settings)
    least, drop = settings.min_toxicity_drop, written.toxicity_drop
    if least is not None and drop is not None and drop < least:
        dropped = (*dropped, "non_detoxifiable")
    return replace(written, candidates=tuple(flagged), chosen=chosen, dropped=dropped)


def reasons(candidate: Candidate, settings: SynthPairsSettings) -> tuple[str, ...]:
    """Of a candidate's flags, those that the settings filter by."""
    added = ("far_off", "near_copy", "too_short", *(f"low_{measure}" for measure in MEASURES))
    wanted = {*added, *settings.drop, *(["too_long"] if settings.max_length is not None else [])}
    return tuple(flag for flag in candidate.flags if flag in wanted or "all" in wanted)


def _flagged(candidate: Candidate, source: str, settings: SynthPairsSettings) -> Candidate:
    words = len(candidate.text.split()) / max(1, len(source.split()))
    wanted = settings.min_chrf is not None or settings.max_chrf is not None
    chrf = float(sentence_chrf([candidate.text], [source])[0]) if wanted else 0.0
    found = {
        "far_off": settings.min_chrf is not None and chrf < settings.min_chrf,
        "near_copy": settings.max_chrf is not None and chrf > settings.max_chrf,
        "too_short": settings.min_length is not None and words < settings.min_length,
        "too_long": settings.max_length is not None and words > settings.max_length,
    }
    for measure in MEASURES:
        least = getattr(settings, f"min_{measure}")
        if least is not None and candidate.scores is not None:
            found[f"low_{measure}"] = getattr(candidate.scores, measure) < least
    flags = [*candidate.flags, *(flag for flag, present in found.items() if present)]
    return replace(candidate, flags=tuple(dict.fromkeys(flags)))
