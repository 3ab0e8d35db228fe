"""Does retrieval foretell what a detoxification does in each language? Real effects of two small models.

`builtin:lm` and `builtin:chat` are tuned on the same English preferences (those of `three_ways.py`, whose
models are used where they are in the same folder) and measured on prompts of RTP-LX in every language that
`builtin:toxicity-multilingual` reads. Then:

* `probe retrieval --effect` correlates each measure of retrieval with the effect, for every detoxification;
* `probe predict-transfer` predicts the effects in `builtin:chat` from those in `builtin:lm`, without seeing
  them, and holds them against what was measured.

Prints Markdown, every figure with n and a 95 % interval. A stopped run goes on.

    python -m benchmarks.transfer --data $DETOX_DATA --output DIR [--prompts 60]
"""

import argparse
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.commands import detox, estimate, read, table
from benchmarks.three_ways import MADE, WAYS, make_preferred
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.ranking import pearson

LANGUAGES = ("ar", "de", "en", "es", "fr", "id", "it", "ko", "nl", "pl", "pt", "ru", "zh")
"""Those that the bundled scorer reads."""
LATIN = ("de", "es", "fr", "id", "it", "nl", "pl", "pt")
SKILLS = ("pearson", "error", "error_of_mean", "gain")
MEASURES = ("p1", "p1_centred", "p1_csls", "mrr", "cosine")
DETOXIFIED = {"dpo": "lm", "negated": "lm", "calm": "lm", "chat-dpo": "chat"}
"""Model after -> before."""


def main() -> None:
    """Measure, correlate, predict, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--prompts", type=int, default=60, help="Of each language.")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    data = given.data.resolve()
    make_models(given.output, data)
    for name in ("lm", "chat", *DETOXIFIED):
        measure(given.output, name, data, given.prompts)
    for after, before in DETOXIFIED.items():
        detox(
            given.output,
            f"probe retrieval builtin:{before} --data {data}/rtp_lx.zip/parallel/rtp_lx_17way_200.jsonl "
            f"--password detox --languages {','.join(one for one in LANGUAGES if one != 'en')} "
            f"--effect languages-{before} --effect languages-{after} --features states-{before} "
            f"-o retrieval-{after}",
        )
    detox(given.output, "probe predict-transfer retrieval-chat-dpo --known retrieval-dpo -o foretold")
    print(report(given.output))


def make_models(folder: Path, data: Path) -> None:
    """The three ways for ``builtin:lm``, and preference tuning for ``builtin:chat``."""
    make_preferred(folder, data)
    for command in MADE[1:]:
        detox(folder, command)
    detox(folder, MADE[0].replace("builtin:lm", "builtin:chat").replace("-o dpo", "-o chat-dpo"))


def measure(folder: Path, name: str, data: Path, prompts: int) -> None:
    """Ten continuations of the same prompts of every language."""
    model = f"builtin:{name}" if name in ("lm", "chat") else name
    command = (
        f"eval generation {model} --prompts {data}/rtp_lx.zip --password detox --languages "
        f"{','.join(LANGUAGES)} --limit {prompts} --num-samples 10 -o languages-{name}"
    )
    detox(folder, command, profile="offline-multilingual")


def report(folder: Path) -> str:
    """Effects, correlations, and predictions beside what was measured."""
    found = {name: read(folder / f"retrieval-{name}") for name in DETOXIFIED}
    lines = ["Effect by language, the share of expected maximum toxicity that is gone:", ""]
    lines += effects(found)
    lines += ["", "Pearson's correlation over languages of each measure of retrieval with the effect:", ""]
    lines += correlations(found)
    lines += ["", "Effects in `chat-dpo`, predicted from those in `dpo`:", ""]
    lines += predictions(read(folder / "foretold"))
    return "\n".join(lines)


def effects(found: dict[str, Any]) -> list[str]:
    names = list(found)
    rows = []
    for i, one in enumerate(found[names[0]]["languages"]):
        own = [found[name]["languages"][i] for name in names]
        assert all(other["lang"] == one["lang"] for other in own)
        told = [f"{other['effect']:.3f}" for other in own]
        p1 = [estimate(found[name]["languages"][i]["figures"]["p1"]) for name in ("dpo", "chat-dpo")]
        rows.append([one["lang"], *p1, *told])
    heads = [f"`{WAYS.get(name, name)}`" for name in names]
    return table(["", "P@1 in lm (pairs)", "P@1 in chat (pairs)", *heads], rows)


def correlations(found: dict[str, Any]) -> list[str]:
    """Over all languages as ``probe retrieval`` tells them, and over those in Latin letters alone."""
    rows = []
    for measure in MEASURES:
        own = [
            next((c for c in one["correlations"] if c["measure"] == measure), None) for one in found.values()
        ]
        rows.append([measure, *("-" if one is None else estimate(one["pearson"]) for one in own)])
    for measure in MEASURES:
        told = [estimate(asdict(among(one, measure, LATIN))) for one in found.values()]
        rows.append([f"{measure}, Latin letters", *told])
    return table(["", *(f"`{WAYS.get(name, name)}`" for name in found)], rows)


def among(retrieval: dict[str, Any], measure: str, langs: Collection[str]) -> Estimate:
    """The correlation over some languages."""
    kept = [one for one in retrieval["languages"] if one["lang"] in langs]
    return pearson([one["figures"][measure]["mean"] for one in kept], [one["effect"] for one in kept])


def predictions(foretold: dict[str, Any]) -> list[str]:
    """Every language's beside what was measured, and what predictions from each measure are worth."""
    rows = [
        [one["lang"], estimate(one["effect"]), f"{one['measured']:.3f}"] for one in foretold["predictions"]
    ]
    skills = [
        [one["measure"], one["by"], *(spoken(one[name]) for name in SKILLS), f"{one['inside']:.0%}"]
        for one in foretold["skills"]
    ]
    heads = ["", "held out", "Pearson (n)", "error", "error of the mean", "gain", "within the interval"]
    return [*table(["", "predicted (known points)", "measured"], rows), "", *table(heads, skills)]


def spoken(one: dict[str, Any] | None) -> str:
    return "-" if one is None else estimate(one)


if __name__ == "__main__":
    main()
