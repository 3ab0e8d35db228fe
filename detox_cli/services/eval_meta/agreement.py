"""From scored and rated rows to how far they agree, language by language."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detox_cli.data.ratings import Rating
from detox_cli.scoring.suites.suite import Components
from detox_cli.services.eval_meta.official import OFFICIAL
from detox_cli.services.eval_meta.result import Component, LanguageAgreement, MeanAgreement
from detox_cli.services.eval_rewrite.scores import Draws
from detox_cli.statistics.agreement import (
    Floats,
    agreement,
    draw_cells,
    estimate,
    product_of_means,
    rank_correlation,
    rows_agreement,
    split_half,
)
from detox_cli.statistics.bootstrap import Estimate

FACTORS = ("STA", "SIM", "FL")
FIGURES = ("spearman", "kendall", "pairs", "segment")
LEAST_SYSTEMS = 4


@dataclass(frozen=True)
class Cells:
    """The scores of one language: people's and the suite's, [systems, sources, 3], NaN where nobody rated."""

    systems: tuple[str, ...]
    human: Floats
    suite: Floats

    @property
    def joint(self) -> Floats:
        """J of each output, shape [systems, sources, 1]."""
        return np.asarray(self.suite.prod(axis=2, keepdims=True), dtype=np.float64)


def cells_of(ratings: Sequence[Rating], parts: Components) -> Cells:
    """Arrange ratings of one language and the scores of the same rows; the order of both is that of rows."""
    systems = {name: i for i, name in enumerate(dict.fromkeys(r.system for r in ratings))}
    sources = {text: i for i, text in enumerate(dict.fromkeys(r.source for r in ratings))}
    human, suite = (np.full((len(systems), len(sources), 3), np.nan) for _ in range(2))
    for row, rating in enumerate(ratings):
        cell = systems[rating.system], sources[rating.source]
        human[cell] = rating.toxicity, rating.content, rating.fluency
        suite[cell] = parts.sta[row], parts.sim[row], parts.fl[row]
    return Cells(tuple(systems), human, suite)


def agreement_in(lang: str, cells: Cells, draws: Draws) -> tuple[LanguageAgreement, Floats]:
    """The figures of one language, and their draws of shape [resamples, FIGURES] for the mean."""
    everything = np.ix_(*(np.arange(n) for n in cells.human.shape[:2]))
    values = _figures(cells, everything)
    drawn = draw_cells(
        len(cells.systems),
        cells.human.shape[1],
        lambda chosen: _figures(cells, chosen),
        seed=draws.seed,
        resamples=draws.resamples,
    )
    systems, rows = len(cells.systems), int(np.isfinite(cells.human[:, :, 0]).sum())
    counts = (systems, systems, systems * (systems - 1) // 2, rows)
    found = [
        estimate(v, column, n) for v, column, n in zip(values, drawn.T, (*counts, *[0] * 6), strict=True)
    ]
    by_suite, by_people = product_of_means(cells.joint), product_of_means(cells.human)
    first = int(np.argmax(by_suite))
    language = LanguageAgreement(
        lang=lang,
        systems=systems,
        sources=cells.human.shape[1],
        rows=rows,
        **dict(zip(FIGURES, found[:4], strict=True)),
        ceiling=split_half(cells.human, draws.seed),
        chosen=cells.systems[first],
        regret=float(by_people.max() - by_people[first]),
        components={
            name: Component(systems=_defined(found[4 + i], systems), rows=_defined(found[7 + i], rows))
            for i, name in enumerate(FACTORS)
        },
        official=OFFICIAL.get(lang),
    )
    return language, drawn[:, :4]


def mean_agreement(languages: Sequence[LanguageAgreement], drawn: Sequence[Floats]) -> MeanAgreement:
    """The mean over languages of each figure; the languages are drawn independently of each other."""
    means = np.mean(np.stack(drawn), axis=0)
    figures = {
        name: estimate(
            float(np.mean([getattr(one, name).mean for one in languages])), means[:, i], len(languages)
        )
        for i, name in enumerate(FIGURES)
    }
    ceiling = float(np.mean([one.ceiling for one in languages]))
    return MeanAgreement(languages=[one.lang for one in languages], ceiling=ceiling, **figures)


def _figures(cells: Cells, chosen: tuple[np.ndarray, ...]) -> list[float]:
    """FIGURES, then for each factor Spearman of systems, then for each factor Spearman of rows."""
    human, suite, joint = cells.human[chosen], cells.suite[chosen], cells.joint[chosen]
    whole = agreement(joint, human)
    factors = [(suite[:, :, [i]], human[:, :, [i]]) for i in range(3)]
    return [
        whole.spearman,
        whole.kendall,
        whole.pairs,
        rows_agreement(joint, human),
        *(rank_correlation(product_of_means(a), product_of_means(b)) for a, b in factors),
        *(rows_agreement(a, b) for a, b in factors),
    ]


def _defined(found: Estimate, n: int) -> Estimate | None:
    return None if np.isnan(found.mean) else Estimate(found.mean, found.low, found.high, n)
