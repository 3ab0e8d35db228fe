"""Fit how similarity and length become SIM in the suite `detox`, from content scores that people gave.

    python benchmarks/calibrate.py [--data $DETOX_DATA] [--resamples 200] [--json]

People said of the outputs of CLEF TextDetox 2024 whether the content was kept. For outputs that are no
copies, P(kept) is fitted by least squares as chrF(output, source)^a x (shorter / longer)^b: two numbers that
need no model and exist in every language. They are fitted on eight languages, and once more without each of
these; English takes part in no fit. The suite then puts the cosine in the place of chrF. The intervals of a
and b resample the sources. For every language the script says how far the fit of the others, with a copy
counting half, agrees with the human J without any model.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detox_cli.data.ratings import Rating, read_ratings
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import text_key
from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.scoring.suites.detox import COSINE_POWER, LENGTH_POWER, length_balance
from detox_cli.scoring.suites.suite import Components
from detox_cli.services.eval_meta.agreement import cells_of
from detox_cli.statistics.agreement import product_of_means, rank_correlation, rows_agreement

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
ROOT = Path(__file__).parents[1]
LEAST = 1e-3


class Rows(NamedTuple):
    """Logarithms of chrF and of the length ratio, and people's content score, each of shape [n]."""

    near: Floats
    balance: Floats
    kept: Floats


STEPS = (np.arange(0, 1.51, 0.05), np.arange(-0.05, 0.051, 0.01))


def main() -> None:
    """Fit, and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(os.environ.get("DETOX_DATA", ROOT / "../shared/data"))
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument(
        "--ratings", type=Path, help="default: DATA/unlicensed/textdetox2024_human_eval.jsonl"
    )
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    path = options.ratings or options.data / "unlicensed/textdetox2024_human_eval.jsonl"
    found = calibrate(read_ratings(path, Rejects(strict=True)), options.resamples)
    json.dump(found, sys.stdout, indent=2 if options.json else None)
    print()


def calibrate(ratings: list[Rating], resamples: int) -> dict[str, object]:
    """The powers of all languages but English, their intervals, and what such a fit is worth elsewhere."""
    outputs, sources = [r.output for r in ratings], [r.source for r in ratings]
    near = np.log(np.maximum(LEAST, sentence_chrf(outputs, sources) / 100))
    balance = np.log(np.maximum(LEAST, length_balance(sources, outputs)))
    kept, langs = np.array([r.content for r in ratings]), np.array([r.lang for r in ratings])
    copy = np.array([text_key(r.source) == text_key(r.output) for r in ratings])
    used = (langs != "en") & ~copy
    rows = Rows(near[used], balance[used], kept[used])
    low, high = np.quantile(_draws(ratings, used, rows, resamples), (0.025, 0.975), axis=0)
    without = {}
    for lang in sorted(set(langs)):
        a, b = fit(*(column[used & (langs != lang)] for column in (near, balance, kept)))
        own = langs == lang
        shape = np.exp(a * near + b * balance) * np.where(copy, 0.5, 1)
        without[str(lang)] = {"a": a, "b": b, "rows": int(own.sum())} | _worth(
            [r for r, there in zip(ratings, own, strict=True) if there], shape[own]
        )
    a, b = fit(*rows)
    return {
        "rows": int(used.sum()),
        "a": a,
        "a_interval": [round(float(low[0]), 3), round(float(high[0]), 3)],
        "b": b,
        "b_interval": [round(float(low[1]), 3), round(float(high[1]), 3)],
        "in_the_suite": [COSINE_POWER, LENGTH_POWER],
        "left_out": without,
        "mean_spearman_of_systems": round(float(np.mean([w["systems"] for w in without.values()])), 3),
    }


def _worth(ratings: list[Rating], shape: Floats) -> dict[str, float]:
    """Spearman with the human J, of systems and of rows, of what needs no model; a copy counts half."""
    nothing = np.ones(len(ratings))
    cells = cells_of(ratings, Components(shape, nothing, nothing))
    systems = rank_correlation(product_of_means(cells.joint), product_of_means(cells.human))
    return {"systems": round(systems, 3), "segments": round(rows_agreement(cells.joint, cells.human), 3)}


def fit(near: Floats, balance: Floats, kept: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """The powers a and b with the least squared error, to two digits, by a search from coarse to fine."""
    best = (0.0, 0.0)
    for steps in STEPS:
        options = [
            (best[0] + a, best[1] + b) for a in steps for b in steps if best[0] + a > -1e-9 < best[1] + b
        ]
        errors = [
            np.average((np.exp(a * near + b * balance) - kept) ** 2, weights=weights) for a, b in options
        ]
        best = options[int(np.argmin(errors))]
    return round(best[0], 2), round(best[1], 2)


def _draws(ratings: list[Rating], used: Flags, rows: Rows, resamples: int) -> list[tuple[float, float]]:
    """Powers of resampled sources; the rows of a source are drawn together."""
    chosen = [(r.lang, r.source) for r, there in zip(ratings, used, strict=True) if there]
    keys = {key: i for i, key in enumerate(dict.fromkeys(chosen))}
    groups, generator = np.array([keys[key] for key in chosen]), np.random.default_rng(0)
    shares = np.full(len(keys), 1 / len(keys))
    draws = (generator.multinomial(len(keys), shares)[groups].astype(float) for _ in range(resamples))
    return [fit(*rows, weights) for weights in draws]


if __name__ == "__main__":
    main()
