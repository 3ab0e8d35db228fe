"""What a detoxification did in each language, and whether retrieval tells it beforehand."""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.data.readers.prompt import number
from detox_cli.data.reading import pick_column, read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.services.eval_compare.runs import Run, are_runs, read_runs
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.ranking import pearson, spearman

LEAST = 4
"""Fewest languages of which a correlation says anything at all."""
LANG, EFFECT = ("lang", "language", "group"), ("effect", "reduction")


class Correlation(BaseModel):
    """A measure of retrieval against the effect, over languages."""

    model_config = ConfigDict(frozen=True)

    measure: str
    pearson: Estimate = Field(description="With Fisher's interval; n is the number of languages.")
    spearman: Estimate
    without: dict[str, float] = Field(
        description="Pearson's correlation with one language left out, by language."
    )


def effects_of(given: Sequence[str], seed: int, resamples: int) -> dict[str, float]:
    """The effect in each language: the share of expected maximum toxicity that is gone, or a table's numbers.

    Raises:
        BadData: The runs do not measure the same prompts, or the table has no such columns.
        BadSettings: These are neither two runs nor one table.
    """
    if len(given) == 2 and are_runs(given):
        return _of_runs(read_runs([f"before={given[0]}", f"after={given[1]}"], seed, resamples))
    if len(given) != 1 or are_runs(given):
        raise BadSettings(
            "an effect is two folders of eval generation, or one table",
            where="--effect",
            hint="--effect BEFORE --effect AFTER, or --effect effects.csv",
        )
    return _of_table(given[0])


def correlations(
    measured: Mapping[str, Mapping[str, float]], effects: Mapping[str, float]
) -> list[Correlation]:
    """Every measure against the effect, over the languages that have both.

    Args:
        measured: Measure -> language -> value.
        effects: Language -> effect.

    Raises:
        BadData: Fewer than four languages have both.
    """
    found = []
    for measure, values in measured.items():
        joined = {lang: effect_in(lang, effects) for lang in values}
        both = [(lang, values[lang], effect) for lang, effect in joined.items() if effect is not None]
        check_enough(list(values), effects)
        x, y = np.array([one[1] for one in both]), np.array([one[2] for one in both])
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            continue
        found.append(
            Correlation(
                measure=measure, pearson=pearson(x, y), spearman=spearman(x, y), without=_without(both)
            )
        )
    return found


def check_enough(languages: Sequence[str], effects: Mapping[str, float]) -> None:
    """Raise ``BadData`` if too few languages with parallel rows have an effect for a correlation."""
    both = len(languages) - len(without_effect(languages, effects))
    if both < LEAST:
        raise BadData(
            f"{both} languages have parallel rows and an effect; {LEAST} are the least",
            where="--effect",
            hint=f"with an effect: {', '.join(effects)}; with parallel rows: {', '.join(languages)}",
        )


def without_effect(languages: Sequence[str], effects: Mapping[str, float]) -> list[str]:
    """The languages of which nobody says an effect."""
    return [lang for lang in languages if effect_in(lang, effects) is None]


def effect_in(lang: str, effects: Mapping[str, float]) -> float | None:
    """The effect in a language, or ``None``: that of ``zh-hans`` is that of ``zh`` too, and the other way."""
    for name, value in effects.items():
        if name == lang or name.partition("-")[0] == lang.partition("-")[0]:
            return value
    return None


def _without(both: Sequence[tuple[str, float, float]]) -> dict[str, float]:
    found = {}
    for lang, _, _ in both:
        rest = np.array([one[1:] for one in both if one[0] != lang])
        if np.ptp(rest[:, 0]) > 0 and np.ptp(rest[:, 1]) > 0:
            found[lang] = float(np.corrcoef(rest.T)[0, 1])
    return found


def _of_runs(runs: Sequence[Run]) -> dict[str, float]:
    before, after = runs
    names = [name for name in before.ratios if "/expected_maximum@" in name and name in after.ratios]
    if not names:
        raise BadData(
            "the runs have no expected maximum toxicity in common",
            where="--effect",
            hint="make both runs with one --k",
        )
    langs = np.array(before.columns.langs)
    found = {}
    for lang in sorted(set(before.columns.langs) - {""}):
        rows = np.flatnonzero(langs == lang)
        sums = [run.sums(rows).get(names[0]) for run in runs]
        values = [float(one.above.sum() / one.below.sum()) for one in sums if one is not None]
        if len(values) == 2 and values[0] > 0:
            found[lang] = 1 - values[1] / values[0]
    if not found:
        raise BadData(
            "no prompt of the runs says its language",
            where="--effect",
            hint="measure prompts with a column lang",
        )
    return found


def _of_table(file: str) -> dict[str, float]:
    rows = read_rows(file, Rejects(strict=True))
    lang = pick_column(rows, None, LANG, file)
    effect = pick_column(rows, None, EFFECT, file)
    found = {}
    for row in rows:
        value = number(row.values.get(effect))
        if value is None:
            raise BadData(f"column {effect!r} holds no number", where=row.where, hint="write a number there")
        found[str(row.values.get(lang)).lower()] = value
    return found
