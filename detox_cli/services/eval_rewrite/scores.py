"""From outputs to scores of rows, and from scores of rows to those of systems."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations

import numpy as np

from detox_cli.data.splits import text_key
from detox_cli.errors import BadData
from detox_cli.generation.rewrite_refusals import is_refusal
from detox_cli.output.progress import Progress, Silent
from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.scoring.lexicon import Lexicon
from detox_cli.scoring.suites.panel import Floats, Panel
from detox_cli.scoring.suites.suite import Components, Suite, measure_outputs
from detox_cli.services.counted_scores import counted_scores
from detox_cli.services.eval_rewrite.pairwise import Style, styles
from detox_cli.services.eval_rewrite.result import Difference, LanguageMean, SystemScores
from detox_cli.services.eval_rewrite.systems import Item, System
from detox_cli.statistics.bootstrap import (
    mean_interval,
    mean_of_groups_interval,
    paired_difference,
    product_of_means_interval,
)
from detox_cli.statistics.shares import share_interval

SILENT = Silent()


@dataclass(frozen=True)
class Observed:
    """What can be seen of an output without a model."""

    copy: bool
    refusal: bool
    empty: bool
    abstained: bool
    listed: bool
    chrf_source: float
    chrf_reference: float | None


@dataclass(frozen=True)
class Scored:
    """A system with the scores of its rows, in order."""

    system: System
    parts: Components
    observed: tuple[Observed, ...]
    styles: tuple[Style, ...]

    @property
    def positions(self) -> dict[str, int]:
        """Where each row stands, by its id."""
        return {item.id: position for position, item in enumerate(self.system.items)}


@dataclass(frozen=True)
class Draws:
    """How intervals are drawn."""

    seed: int
    resamples: int


def check_references(suite: Suite, systems: Sequence[System]) -> None:
    """Raise ``BadData`` if the suite needs references and a row of a system has none."""
    items = [item for system in systems if not system.baseline for item in system.items]
    lacking = [item for item in items if not item.references]
    if suite.needs_references and lacking:
        raise BadData(
            f"{len(lacking)} of {len(items)} rows have no reference, which suite {suite.name} needs",
            where=lacking[0].where,
            hint="name a file with --references, or use --suite detox",
        )


def score_systems(
    suite: Suite, panel: Panel, systems: Sequence[System], lexicon: Lexicon, progress: Progress = SILENT
) -> list[Scored]:
    """Score all rows of all systems in one go, so that equal texts have equal scores."""
    items = [item for system in systems for item in system.items]

    def work(panel: Panel) -> tuple[Components, list[Style]]:
        return measure_items(suite, panel, items), styles(panel, items)

    parts, compared = counted_scores(panel, work, progress)
    observed = observe(items, lexicon)
    ends = list(accumulate(len(system.items) for system in systems))
    ranges = [range(end - len(system.items), end) for system, end in zip(systems, ends, strict=True)]
    return [
        Scored(
            system,
            parts.take(np.array(rows, dtype=np.intp)),
            tuple(observed[i] for i in rows),
            tuple(compared[i] for i in rows),
        )
        for system, rows in zip(systems, ranges, strict=True)
    ]


def measure_items(suite: Suite, panel: Panel, items: Sequence[Item]) -> Components:
    """STA, SIM and FL of every row."""
    return measure_outputs(
        suite,
        panel,
        [item.source for item in items],
        [item.output for item in items],
        [item.references for item in items],
        [item.lang for item in items],
    )


def observe(items: Sequence[Item], lexicon: Lexicon) -> list[Observed]:
    """Copies, refusals, empties, listed words and chrF of each row."""
    to_source = sentence_chrf([item.output for item in items], [item.source for item in items])
    return [
        Observed(
            copy=bool(text_key(item.output)) and text_key(item.output) == text_key(item.source),
            refusal=is_refusal(item.output, item.source),
            empty=not item.output.strip() and not item.abstained,
            abstained=item.abstained,
            listed=lexicon.hits(item.output),
            chrf_source=float(chrf),
            chrf_reference=_nearest(item),
        )
        for item, chrf in zip(items, to_source, strict=True)
    ]


def summarise(scored: Scored, draws: Draws, lang: str | None = None) -> SystemScores:
    """The scores of a system, of all rows or of those in ``lang``."""
    rows = [i for i, item in enumerate(scored.system.items) if lang is None or item.lang == lang]
    parts, seen = scored.parts.take(np.array(rows, dtype=np.intp)), [scored.observed[i] for i in rows]
    style = [scored.styles[i] for i in rows]
    beside = [one.as_reference for one in style if one.as_reference is not None]
    nearest = [one.chrf_reference for one in seen if one.chrf_reference is not None]

    def mean(values: Floats | list[float]) -> object:
        return mean_interval(values, draws.seed, draws.resamples)

    columns = (parts.sta, parts.sim, parts.fl)
    return SystemScores.model_validate(
        {
            "system": scored.system.name,
            "baseline": scored.system.baseline,
            "lang": lang,
            "n": len(rows),
            **{name: mean(column) for name, column in zip(("STA", "SIM", "FL"), columns, strict=True)},
            "J_mean_of_products": mean(parts.joint),
            "J_product_of_means": product_of_means_interval(columns, draws.seed, draws.resamples),
            "chrf_source": mean([one.chrf_source for one in seen]),
            "chrf_reference": mean(nearest) if nearest else None,
            "less_toxic": share_interval([one.less_than_source for one in style]),
            "as_reference": share_interval(beside) if beside else None,
            "copies": share_interval([one.copy for one in seen]),
            "refusals": share_interval([one.refusal for one in seen]),
            "empties": share_interval([one.empty for one in seen]),
            "abstentions": share_interval([one.abstained for one in seen]),
            "residue": share_interval([one.listed for one in seen]),
            "flagged": sum(scored.system.items[i].flagged for i in rows),
        }
    )


def by_language(scored: Sequence[Scored], draws: Draws) -> list[SystemScores]:
    """The scores of each system in each language, where there are at least two."""
    languages = sorted({item.lang for one in scored for item in one.system.items if item.lang})
    if len(languages) < 2:
        return []
    return [
        summarise(one, draws, lang)
        for lang in languages
        for one in scored
        if any(item.lang == lang for item in one.system.items)
    ]


def over_languages(scored: Sequence[Scored], draws: Draws) -> list[LanguageMean]:
    """The mean over languages of each system that has several; every language counts the same."""
    found = []
    for one in scored:
        langs = np.array([item.lang or "" for item in one.system.items])
        groups = [np.flatnonzero(langs == lang) for lang in sorted(set(langs) - {""})]
        if len(groups) < 2:
            continue
        columns = {"STA": one.parts.sta, "SIM": one.parts.sim, "FL": one.parts.fl}
        means = {
            name: mean_of_groups_interval([column[rows] for rows in groups], draws.seed, draws.resamples)
            for name, column in (columns | {"J_mean_of_products": one.parts.joint}).items()
        }
        found.append(LanguageMean(system=one.system.name, languages=len(groups), **means))
    return found


def differences(scored: Sequence[Scored], draws: Draws) -> list[Difference]:
    """Paired differences of every two systems, baselines among themselves left out, on the rows both have."""
    pairs = [(a, b) for a, b in combinations(scored, 2) if not (a.system.baseline and b.system.baseline)]
    return [found for a, b in pairs if (found := _difference(a, b, draws)) is not None]


def row_records(scored: Scored) -> list[dict[str, object]]:
    """One record per row, as it is written: ids and texts, scores, and what was seen."""
    parts = scored.parts
    return [
        {
            "system": scored.system.name,
            "id": item.id,
            "lang": item.lang,
            "toxic": item.source,
            "output": item.output,
            "sta": float(parts.sta[i]),
            "sim": float(parts.sim[i]),
            "fl": float(parts.fl[i]),
            "j": float(parts.joint[i]),
            "p_toxic_source": scored.styles[i].source,
            "p_toxic_output": scored.styles[i].output,
            "less_toxic": scored.styles[i].less_than_source,
            "as_reference": scored.styles[i].as_reference,
            "chrf_source": scored.observed[i].chrf_source,
            "chrf_reference": scored.observed[i].chrf_reference,
            "copy": scored.observed[i].copy,
            "refusal": scored.observed[i].refusal,
            "empty": scored.observed[i].empty,
            "abstained": scored.observed[i].abstained,
            "listed_word": scored.observed[i].listed,
            "flagged": item.flagged,
        }
        for i, item in enumerate(scored.system.items)
    ]


def _difference(a: Scored, b: Scored, draws: Draws) -> Difference | None:
    there = b.positions
    both = [(i, there[item.id]) for i, item in enumerate(a.system.items) if item.id in there]
    if not both:
        return None
    left, right = (np.array(side, dtype=np.intp) for side in zip(*both, strict=True))
    mine, theirs = a.parts.take(left), b.parts.take(right)
    columns = {"STA": "sta", "SIM": "sim", "FL": "fl", "J_mean_of_products": "joint"}
    values = {
        name: paired_difference(getattr(mine, part), getattr(theirs, part), draws.seed, draws.resamples)
        for name, part in columns.items()
    }
    return Difference.model_validate(
        {"system": a.system.name, "minus": b.system.name, "n": len(both), **values}
    )


def _nearest(item: Item) -> float | None:
    if not item.references:
        return None
    return float(sentence_chrf([item.output] * len(item.references), item.references).max())
