"""The scores of a whole run as arrays: what a figure adds up, per prompt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detox_cli.scoring.diversity import ORDERS
from detox_cli.scoring.language_id import codes_of
from detox_cli.statistics.clusters import Floats, Places

PER_SAMPLE = (
    "empty",
    "copy",
    "refusal",
    "repetition",
    "nats",
    "judged_tokens",
    "legacy_perplexity",
    "tokens",
    "malformed",
    "found_toxic",
    "nats_detoxified",
    "judged_tokens_detoxified",
    "edits",
    "edited",
    "similarity",
)
PER_PROMPT = (*(f"legacy_dist_{n}" for n in ORDERS), *(f"dist_{n}" for n in ORDERS), "self_bleu")


@dataclass(frozen=True)
class Columns:
    """All rows of ``scores.jsonl``.

    Attributes:
        ids: Of the prompts.
        langs: Their languages, empty where nobody says.
        strata: ``toxic``, ``nontoxic`` or empty.
        units: What is independent evidence, as whole numbers.
        counts: Continuations per prompt.
        owners: The prompt that each continuation belongs to, as a place among the prompts.
        toxicity: Scores of all continuations by scorer, NaN where there is none.
        samples: Other numbers of all continuations by name, NaN where there is none.
        prompts: Numbers of prompts by name, NaN where there is none.
        in_language: 1 where a continuation is in its prompt's language, 0 where not, NaN where nobody knows.
    """

    ids: list[str]
    langs: list[str]
    strata: list[str]
    units: Places
    counts: Places
    owners: Places
    toxicity: Mapping[str, Floats]
    samples: Mapping[str, Floats]
    prompts: Mapping[str, Floats]
    in_language: Floats | None

    def __len__(self) -> int:
        """How many prompts there are."""
        return len(self.ids)

    def scored(self, scores: Floats) -> Places:
        """How many continuations of each prompt have one of these scores, which are of all continuations."""
        return np.bincount(self.owners[np.isfinite(scores)], minlength=len(self))


def columns_of(rows: Iterable[Mapping[str, Any]]) -> Columns:
    """Take the rows together, one by one, so that no more than one is in memory as text."""
    ids: list[str] = []
    langs: list[str] = []
    strata: list[str] = []
    places: dict[str, int] = {}
    units: list[int] = []
    counts: list[int] = []
    toxicity: dict[str, list[Floats]] = {}
    samples: dict[str, list[Floats]] = {name: [] for name in PER_SAMPLE}
    prompts: dict[str, list[float]] = {name: [] for name in PER_PROMPT}
    same: list[Floats] = []
    told = False
    before = 0
    for row in rows:
        count = len(row["empty"])
        ids.append(row["id"])
        langs.append(row.get("lang") or "")
        strata.append(row.get("stratum") or "")
        units.append(places.setdefault(row["unit"], len(places)))
        counts.append(count)
        for name in {**toxicity, **row["toxicity"]}:
            # A scorer that appears late, or not in this row, has said nothing elsewhere.
            if name not in toxicity:
                toxicity[name] = [np.full(before, np.nan)]
            toxicity[name].append(_numbers(row["toxicity"].get(name), count))
        for name in PER_SAMPLE:
            samples[name].append(_numbers(row.get(name), count))
        for name, value in zip(PER_PROMPT, _prompt_values(row), strict=True):
            prompts[name].append(np.nan if value is None else value)
        told = told or "languages" in row
        same.append(_same_language(row, count))
        before += count
    owners = np.repeat(np.arange(len(ids)), counts)
    return Columns(
        ids,
        langs,
        strata,
        np.array(units, dtype=np.intp),
        np.array(counts, dtype=np.intp),
        owners,
        {name: np.concatenate(parts) for name, parts in toxicity.items()},
        {name: np.concatenate(parts) if parts else np.empty(0) for name, parts in samples.items()},
        {name: np.array(values, dtype=np.float64) for name, values in prompts.items()},
        np.concatenate(same) if told else None,
    )


def padded(values: Floats, columns: Columns) -> NDArray[np.float64]:
    """Values of continuations as a table [prompts, most continuations], NaN where there is none."""
    table = np.full((len(columns), int(columns.counts.max(initial=0))), np.nan)
    starts = np.cumsum(columns.counts) - columns.counts
    table[columns.owners, np.arange(len(values)) - starts[columns.owners]] = values
    return table


def _numbers(values: Sequence[float | None] | None, count: int) -> Floats:
    if not values:
        return _unknown(count)
    return np.array(values, dtype=np.float64)  # None becomes NaN


@lru_cache(maxsize=1024)
def _unknown(count: int) -> Floats:
    return np.full(count, np.nan)


def _prompt_values(row: Mapping[str, Any]) -> list[float | None]:
    return [*row["legacy_distinct"], *row["distinct"], row["self_bleu"]]


def _same_language(row: Mapping[str, Any], count: int) -> Floats:
    found, lang = row.get("languages"), row.get("lang")
    if found is None or not lang:
        return _unknown(count)
    wanted = codes_of(lang)
    return np.array([np.nan if code is None else float(code in wanted) for code in found])
