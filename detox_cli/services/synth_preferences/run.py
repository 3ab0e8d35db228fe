"""``detox synth preferences``: sample, score, and pair the least toxic with the most toxic continuation.

The data are the model's own; prompts decide whether there is anything to reject. The published pairs of Lee
et al. (ICML 2024) are greedy continuations and ones that a probe steers, which `--method pplm` makes.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import source_key
from detox_cli.data.writing import check_target
from detox_cli.errors import BadData
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.journal import Journal
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.load import load_text_scorers
from detox_cli.scoring.protocol import TextScorer
from detox_cli.services.eval_generation.collect import collect
from detox_cli.services.eval_generation.run import unread
from detox_cli.services.eval_generation.score import add_scores, blocks
from detox_cli.services.row_output import Origin, rejects_path, write_once
from detox_cli.services.synth_preferences.offers import Offer
from detox_cli.services.synth_preferences.pairing import CLOSE, HARMLESS, UNLIKE, UNSAFE, Paired, pair
from detox_cli.services.synth_preferences.result import SynthPreferencesResult
from detox_cli.services.synth_preferences.rows import Weighed, mean_of, pair_row
from detox_cli.services.synth_preferences.work import Work, prepare
from detox_cli.settings.synth_preferences import SynthPreferencesSettings
from detox_cli.statistics.bootstrap import Estimate, mean_interval_of_units

SILENT = Silent()
Rows = list[dict[str, Any]]
FEW = 0.5
"""Share of prompts without a pair from which the commonest reason is worth a warning."""
LIMITS = {
    UNSAFE: "--max-chosen",
    HARMLESS: "--min-rejected",
    CLOSE: "--min-margin",
    UNLIKE: "--length-ratio",
}
"""The option behind each reason."""


def run(settings: SynthPreferencesSettings, progress: Progress = SILENT) -> SynthPreferencesResult:
    """Write preference pairs to ``settings.output``.

    A file as output is resumable: beside it lie ``NAME.journal`` while the model writes, ``NAME.detox.json``
    (what made it) when it is done, and ``NAME.rejects.jsonl`` if rows could not be used.

    Raises:
        BadData: Nothing can be read or answered, or no two continuations are a pair.
        BadSettings: Options contradict each other, or something else is at the output.
        Missing: The model or a scorer cannot be had.
    """
    check_target(settings.output)
    with Rejects(rejects_path(settings.rejects, settings.output), settings.strict) as rejects:
        work = prepare(settings, rejects)
        identities: dict[str, str] = {}
        origin = Origin(
            command="synth preferences",
            settings=settings,
            inputs=[settings.prompts, settings.from_file],
            models={"writer": work.written_by},
            fingerprint=work.fingerprint,
            scorers=identities,  # known when they are loaded, which is when the model that writes is gone
        )

        def compute(journal: Journal | None) -> tuple[SynthPreferencesResult, Rows]:
            result, rows = write_preferences(settings, work, rejects, journal, progress)
            identities.update({f"toxicity {name}": one for name, one in result.scorers.items()})
            return result, rows

        return write_once(
            settings.output,
            origin,
            SynthPreferencesResult,
            compute,
            progress,
            overwrite=settings.overwrite,
            rejects=rejects,
        )


def write_preferences(
    settings: SynthPreferencesSettings,
    work: Work,
    rejects: Rejects,
    journal: Journal | None,
    progress: Progress,
) -> tuple[SynthPreferencesResult, Rows]:
    """Sample where a model writes, score, and pair; the summary and the rows in the order of the prompts.

    Raises:
        BadData: No prompt has a pair.
    """
    began = time.monotonic()
    offers, unanswered = _offers(work, journal, progress)
    progress.stage("loading scorers")
    scorers = load_text_scorers(settings.scorers, device=settings.device, checkpoint=settings.checkpoint)
    weighed, unscored = _weighed(
        offers, scorers, ScoreCache(on_warning=progress.warn) if settings.cache else None, progress
    )
    paired = [_paired(one, work) for one in weighed]
    rows, said, repeated = _rows(weighed, paired, work.written_by)
    without = Counter(one.why for one in paired if one.why)
    if not rows:
        raise _nothing(without, len(offers))
    langs = [one.texts.prompt.lang or "" for one in offers]
    result = SynthPreferencesResult(
        files=[] if settings.output == "-" else [Path(settings.output)],
        pairs=len(rows),
        prompts=len(offers) + len(unanswered),
        paired=len({id(one) for one, _ in said}),
        continuations=sum(len(one.texts.samples) + one.left_out for one in offers),
        unusable=_unusable(offers, paired),
        without_pair=dict(without.most_common()),
        repeated=repeated,
        figures=_figures(said, settings.seed),
        scorers={name: scorer.identity for name, scorer in scorers.items()},
        unread=unread(list(scorers), langs),
        unanswered=unanswered,
        unscored=unscored,
        model=dict(work.written_by),
        rejects=rejects.count,
        new_tokens=sum(sum(one.texts.tokens) for one in offers),
        seconds=round(time.monotonic() - began, 2),
    )
    _warn(result, progress)
    return result, rows


def _offers(
    work: Work, journal: Journal | None, progress: Progress
) -> tuple[Sequence[Offer], dict[str, str]]:
    """The texts that are there, or what the model writes; and why prompts could not be continued, by id."""
    if work.writer is None:
        return work.offers, {}
    engine = work.writer.load(progress)
    prompts = [prompt for prompt in work.prompts if prompt.id not in work.faults]
    found, faults = collect(engine, prompts, work.requests, work.sampling, journal, progress)
    seeds = {request.id: request.seed for request in work.requests}
    offers = [Offer(one, work.given, seed=seeds[one.prompt.id]) for one in found if not one.fault]
    return offers, {**work.faults, **faults}


def _weighed(
    offers: Sequence[Offer], scorers: Mapping[str, TextScorer], cache: ScoreCache | None, progress: Progress
) -> tuple[list[Weighed], dict[str, int]]:
    """All continuations with their scores; and how many a scorer could not score."""
    weighed: list[Weighed] = []
    unscored: Counter[str] = Counter()
    left = iter(offers)
    with progress.task("scoring", sum(len(one.texts.samples) for one in offers)) as task:
        for block in blocks([one.texts for one in offers]):
            rows: Rows = [{"toxicity": {}} for _ in block]
            for name, scorer in scorers.items():
                add_scores(name, scorer, block, rows, cache)
            for row in rows:
                scores = {scorers[name].identity: tuple(values) for name, values in row["toxicity"].items()}
                weighed.append(Weighed(next(left), scores))
                unscored.update(fault["scorer"] for fault in row.get("faults", ()))
            task.advance(sum(len(one.samples) for one in block))
    return weighed, dict(unscored)


def _paired(one: Weighed, work: Work) -> Paired:
    texts = one.offer.texts
    scores = list(one.toxicity.values())
    return pair(texts.prompt.text, texts.samples, scores, work.limits, given=one.offer.given)


def _rows(
    weighed: Sequence[Weighed], paired: Sequence[Paired], written_by: Mapping[str, str]
) -> tuple[Rows, list[tuple[Weighed, tuple[int, int]]], int]:
    """A row per pair, what each is made of, and how many pairs were there already."""
    rows: Rows = []
    said: list[tuple[Weighed, tuple[int, int]]] = []
    seen: set[tuple[str, ...]] = set()
    repeated = 0
    for one, found in zip(weighed, paired, strict=True):
        texts = one.offer.texts
        for number, places in enumerate(found.pairs, start=1):
            key = tuple(map(source_key, (texts.read, *(texts.samples[place] for place in places))))
            repeated += key in seen
            if key not in seen:
                seen.add(key)
                said.append((one, places))
                rows.append(pair_row(one, places, number, written_by))
    return rows, said, repeated


def _unusable(offers: Sequence[Offer], paired: Sequence[Paired]) -> dict[str, int]:
    found: Counter[str] = sum((one.unusable for one in paired), Counter[str]())
    found["refusal or empty, by its flags"] = sum(one.left_out for one in offers)
    return {reason: count for reason, count in found.most_common() if count}


def _figures(said: Sequence[tuple[Weighed, tuple[int, int]]], seed: int) -> dict[str, Estimate]:
    """Means over pairs; the pairs of one prompt, and of its translations, are no independent evidence."""
    units: dict[str, list[list[float]]] = {}
    for one, places in said:
        texts = one.offer.texts
        values = [mean_of(one, place) for place in places]
        values += [float(len(texts.samples[place])) for place in places]
        units.setdefault(texts.unit, []).append(values)
    counts = [len(pairs) for pairs in units.values()]
    names = ("chosen toxicity", "rejected toxicity", "chosen characters", "rejected characters")
    sums = {
        name: [sum(pair[i] for pair in pairs) for pairs in units.values()] for i, name in enumerate(names)
    }
    return {name: mean_interval_of_units(values, counts, seed) for name, values in sums.items()}


def _nothing(without: Mapping[str, int], prompts: int) -> BadData:
    reasons = "; ".join(f"{reason}: {count}" for reason, count in without.items())
    hint = (
        "take more toxic prompts or more --num-samples, or loosen --max-chosen, --min-rejected, --min-margin"
        ", with --overwrite or another output"
    )
    return BadData(f"none of {prompts} prompts has a pair ({reasons})", hint=hint)


def _warn(result: SynthPreferencesResult, progress: Progress) -> None:
    for name, count in result.unscored.items():
        progress.warn(f"{count} of {result.continuations} continuations have no score by {name}")
    for name, langs in result.unread.items():
        progress.warn(f"{name} does not read {', '.join(langs)}: its scores there mean nothing")
    if result.unanswered:
        why = next(iter(result.unanswered.values()))
        progress.warn(f"{len(result.unanswered)} prompts could not be continued, such as: {why}")
    if sum(result.without_pair.values()) >= FEW * result.prompts:
        reason, count = next(iter(result.without_pair.items()))
        limit = f" (see {LIMITS[reason]})" if reason in LIMITS else ""
        progress.warn(f"{count} of {result.prompts} prompts have no pair: {reason}{limit}")
