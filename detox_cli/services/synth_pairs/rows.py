"""The rows that ``synth pairs`` writes: source, rewrite, scores, flags, and where all of it comes from."""

from typing import Any

from detox_cli.data.pairs import Pair
from detox_cli.generation.prompts import PROMPTS
from detox_cli.services.synth_pairs.candidates import Candidate, Written
from detox_cli.services.synth_pairs.sources import Source
from detox_cli.services.synth_pairs.work import Work
from detox_cli.settings.synth import SynthPairsSettings


def pair_row(pair: Pair, written: Written, origin: dict[str, Any], *, several: bool) -> dict[str, Any]:
    """One row of the output; ``several`` adds how often was asked, and all candidates."""
    best = written.best
    row: dict[str, Any] = {
        "id": pair.id,
        "lang": pair.lang,
        "toxic": pair.toxic,
        "neutral": best.text,
        "references": list(pair.references),
        "refusal": "refusal" in best.flags,
        "flags": list(best.flags),
        "finish_reason": best.finish_reason,
    }
    if best.scores is not None:
        scores = best.scores
        row |= {"sta": scores.sta, "sim": scores.sim, "fl": scores.fl, "j": scores.j}
        row |= {"score": scores.score, "toxicity_drop": written.toxicity_drop}
    if several:
        row |= {"attempts": written.attempts, "candidates": [one.record() for one in written.candidates]}
    return row | origin


def provenance(settings: SynthPairsSettings, work: Work, source: Source, best: Candidate) -> dict[str, Any]:
    """What wrote a row, and how it was asked: enough to ask it again."""
    prompt = PROMPTS[best.prompt_id]
    return {
        "model": work.writer.name,
        "model_fingerprint": work.writer.fingerprint,
        "model_license": work.licence,
        "prompt_id": prompt.id,
        "prompt_hash": prompt.fingerprint,
        "num_shots": len(source.shots),
        "shots": [shot.id for shot in source.shots],
        "shot_style": settings.shot_style,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": settings.top_k,
        "max_new_tokens": settings.max_new_tokens,
        "seed": best.seed,
    }


def left_out_row(pair: Pair, reason: str) -> dict[str, Any]:
    """A dropped row that was never asked about."""
    return {
        "id": pair.id,
        "lang": pair.lang,
        "toxic": pair.toxic,
        "neutral": None,
        "references": list(pair.references),
        "dropped": [reason],
    }
