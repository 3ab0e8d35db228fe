"""Scores of candidates, and by which of them the best one is chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from detox_cli.output.progress import Progress
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.load import find_text_scorers, load_text_scorer
from detox_cli.scoring.refusal_classifier import RefusalJudge
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.scoring.suites.load import find_scorers, load_panel, scorers_instead, scorers_of
from detox_cli.scoring.suites.panel import Floats, Panel
from detox_cli.scoring.suites.suite import Components, measure_outputs
from detox_cli.services.synth_pairs.candidates import Candidate, Scores, Written, best_of
from detox_cli.services.synth_pairs.sources import Source
from detox_cli.settings.synth import SynthPairsSettings

LEAST_TOXICITY = 0.01
"""A source less toxic than this counts as this toxic where a relative fall is computed."""


def selection_score(parts: Components) -> Floats:
    """The score by which one of several candidates is chosen, shape [n]: J of the row, without references."""
    return parts.joint


def scoring_wanted(settings: SynthPairsSettings) -> bool:
    """Whether anything that was asked for needs scores."""
    measures = ("sta", "sim", "fl", "j", "toxicity", "toxicity_drop")
    needed = any(getattr(settings, f"min_{measure}") is not None for measure in measures)
    return settings.score or settings.num_candidates > 1 or needed or settings.preferences is not None


def scorer_names(settings: SynthPairsSettings) -> dict[str, str]:
    """The names of the scorers that the run will use, by what they measure."""
    named: dict[str, str] = {}
    if scoring_wanted(settings) or settings.shot_selection == "best":
        named |= scorers_of(DETOX, scorers_instead(settings))
    if settings.refusal_scorer is not None:
        named["refusal"] = settings.refusal_scorer
    return named


def find_named_scorers(settings: SynthPairsSettings) -> None:
    """See, before the model writes, that every scorer of the run can be had.

    Raises:
        BadSettings: A scorer's name is wrong.
        Missing: A scorer's model is not there.
    """
    names = scorer_names(settings)
    if "sta" in names:
        find_scorers(DETOX, scorers_instead(settings))
    if "refusal" in names:
        find_text_scorers([names["refusal"]])


def load_scorers(settings: SynthPairsSettings, progress: Progress) -> Panel:
    """The scorers of suite ``detox``, or those that the settings put in their place."""
    progress.stage("loading scorers")
    cache = ScoreCache(on_warning=progress.warn)
    return load_panel(DETOX, scorers_instead(settings), device=settings.device, cache=cache)


def load_judge(settings: SynthPairsSettings, progress: Progress) -> RefusalJudge | None:
    """The classifier of refusals, if one is named."""
    if settings.refusal_scorer is None:
        return None
    scorer = load_text_scorer(settings.refusal_scorer, device=settings.device)
    return RefusalJudge(scorer, settings.refusal_threshold, ScoreCache(on_warning=progress.warn))


def scored(
    found: Mapping[str, Sequence[Candidate]], sources: Mapping[str, Source], panel: Panel
) -> dict[str, Written]:
    """All candidates with their scores, and how far the toxicity of each source fell on average.

    The fall is (P(toxic | source) - P(toxic | candidate)) / P(toxic | source), its mean over the candidates
    that of SynthDetoxM's filter, where the candidates come from several models.
    """
    places = [(key, candidate) for key, candidates in found.items() for candidate in candidates]
    parts = measure_outputs(
        DETOX, panel, [sources[key].text for key, _ in places], [candidate.text for _, candidate in places]
    )
    chosen_by = selection_score(parts)
    texts = list(dict.fromkeys([sources[key].text for key in found] + [c.text for _, c in places if c.text]))
    toxic = dict(zip(texts, (1 - panel.neutral(texts)).tolist(), strict=True))
    made: dict[str, list[Candidate]] = {key: [] for key in found}
    for i, (key, candidate) in enumerate(places):
        values = (parts.sta[i], parts.sim[i], parts.fl[i], parts.joint[i], chosen_by[i])
        made[key].append(replace(candidate, scores=Scores(*map(float, values))))
    return {
        key: Written(
            tuple(cs),
            best_of(cs),
            toxicity_drop=mean_fall(toxic[sources[key].text], [toxic.get(c.text) for c in cs]),
        )
        for key, cs in made.items()
    }


def mean_fall(before: float, candidates: Sequence[float | None]) -> float:
    """Mean relative fall of P(toxic), in [-1, 1]; an empty answer, ``None``, has none."""
    before = max(before, LEAST_TOXICITY)
    after = [before if toxic is None else toxic for toxic in candidates]
    return float(np.mean(np.clip((before - np.asarray(after)) / before, -1, 1)))
