"""Fit how similarity and length become SIM in the suite `detox`, from content scores that people gave.

    python benchmarks/calibrate.py [--data $DETOX_DATA] [--resamples 200] [--json]

People said of the outputs of CLEF TextDetox 2024 whether the content was kept. For outputs that are no
copies, P(kept) is fitted by least squares as chrF(output, source)^a x (shorter / longer)^b: two numbers that
need no model and exist in every language. They are fitted on eight languages, and once more without each of
these; English takes part in no fit. The suite then puts the cosine in the place of chrF. The intervals of a
and b resample the sources.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detox_cli.data.ratings import Rating, read_ratings
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import text_key
from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.scoring.suites.detox import COSINE_POWER, LENGTH_POWER, length_balance
from detox_cli.statistics.agreement import rank_correlation

Floats = NDArray[np.float64]
ROOT = Path(__file__).parents[1]
LEAST = 1e-3
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
    """The powers fitted on all languages but English, their intervals, and those without each language."""
    chosen = [r for r in ratings if r.lang != "en" and text_key(r.source) != text_key(r.output)]
    outputs, sources = [r.output for r in chosen], [r.source for r in chosen]
    near = np.log(np.maximum(LEAST, sentence_chrf(outputs, sources) / 100))
    balance = np.log(np.maximum(LEAST, length_balance(sources, outputs)))
    kept = np.array([r.content for r in chosen])
    langs = np.array([r.lang for r in chosen])
    powers = fit(near, balance, kept)
    low, high = np.quantile(_draws(chosen, near, balance, kept, resamples), (0.025, 0.975), axis=0)
    without = {}
    for lang in sorted(set(langs)):
        rest, own = langs != lang, langs == lang
        a, b = fit(near[rest], balance[rest], kept[rest])
        rho = rank_correlation(a * near[own] + b * balance[own], kept[own])
        without[str(lang)] = {"a": a, "b": b, "rows": int(own.sum()), "segment_spearman": round(rho, 3)}
    return {
        "rows": len(chosen),
        "a": powers[0],
        "a_interval": [round(float(low[0]), 3), round(float(high[0]), 3)],
        "b": powers[1],
        "b_interval": [round(float(low[1]), 3), round(float(high[1]), 3)],
        "in_the_suite": [COSINE_POWER, LENGTH_POWER],
        "left_out": without,
    }


def fit(near: Floats, balance: Floats, kept: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """The powers a and b with the least squared error, to two digits, by a search from coarse to fine."""
    best = (0.0, 0.0)
    for steps in STEPS:
        options = [(best[0] + a, best[1] + b) for a in steps for b in steps]
        errors = [_error(a, b, near, balance, kept, weights) for a, b in options]
        best = options[int(np.argmin(errors))]
    return round(best[0], 2), round(best[1], 2)


def _error(a: float, b: float, near: Floats, balance: Floats, kept: Floats, weights: Floats | None) -> float:
    if min(a, b) < -1e-9:
        return float("inf")
    return float(np.average((np.exp(a * near + b * balance) - kept) ** 2, weights=weights))


def _draws(
    chosen: list[Rating], near: Floats, balance: Floats, kept: Floats, resamples: int
) -> list[tuple[float, float]]:
    """Powers of resampled sources; the rows of a source are drawn together."""
    keys = {key: i for i, key in enumerate(dict.fromkeys((r.lang, r.source) for r in chosen))}
    groups = np.array([keys[r.lang, r.source] for r in chosen])
    generator = np.random.default_rng(0)
    return [
        fit(
            near,
            balance,
            kept,
            generator.multinomial(len(keys), [1 / len(keys)] * len(keys))[groups].astype(float),
        )
        for _ in range(resamples)
    ]


if __name__ == "__main__":
    main()
