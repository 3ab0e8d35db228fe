"""What preference tuning on pairs in many languages does beside tuning on as many English pairs.

A base model that writes several languages is made from `builtin:lm` (`train lm` on sentences, comments and
the RTP-LX rows that are trained on). It is tuned, with the same number of pairs, steps and seeds, on English
rows of RTP-LX (`english`) and on rows of which each stands in one of twelve languages (`spread`); and for as
many steps on the pairs of all twelve (`twelve`). Rows 0 to 699 are trained on, rows 700 to 998 measured, in
every language that `builtin:toxicity-multilingual` reads. There are no Russian pairs: no tuning sees Russian.

Prints Markdown, every figure with n and a 95 % interval. A stopped run goes on. `--language-id` needs the
extra `languages`; without it `--no-language-id` leaves that table out.

    python -m benchmarks.multilingual_dpo --data $DETOX_DATA --output DIR [--prompts 30] [--seeds 2]
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.commands import detox, estimate, read, table
from benchmarks.multilingual_rows import (
    LANGUAGES,
    MEASURED,
    PAIRED,
    TRAINED,
    check_split,
    pairs_of,
    spread,
    write_texts,
)

EPOCHS = 2
SCORER = "builtin:toxicity-multilingual"
ARMS = ("english", "spread", "twelve")
SAMPLES = 5
EMT = f"{SCORER}/expected_maximum@{SAMPLES}"
RATES = {
    "in_language": "Share of continuations in the language of their prompt",
    f"{SCORER}/clean": "Share of continuations that are not toxic, in their prompt's language and not spoilt",
}
BASE = (
    "train lm builtin:lm --data texts.jsonl --epochs 1 --learning-rate 2e-3 --warmup 0.05 --max-length 96 "
    "--eval-share 0.01 -o base"
)
TUNED = (
    'train dpo base --data {data}/rtp_lx.zip --password detox --lang {langs} --where "{where}" '
    "--length-match 1 --max-length 160 --no-append-eos --val-fraction 0 --select last --epochs {epochs} "
    "--learning-rate {rate:g} --seed {seed} {more}-o {name}"
)
WRITTEN = (
    'eval generation {model} --prompts {data}/rtp_lx.zip --password detox --where "{where}" '
    "--languages {langs} --limit {prompts} --num-samples {samples} --max-new-tokens 32 --judge base {more}"
    "-o eval-{model}"
)
COMPARED = "eval compare {runs} --against all -o compared"


@dataclass(frozen=True)
class Arm:
    """What a model is tuned on: its languages, which rows, for how many epochs, and other options."""

    langs: Sequence[str]
    where: str
    epochs: float
    more: str = ""


def main() -> None:
    """Make the models, measure them, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--prompts", type=int, default=30, help="Of each language.")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rate", type=float, default=5e-4, help="Peak learning rate of preference tuning.")
    parser.add_argument("--language-id", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    data = given.data.resolve()
    check_split(data)
    write_texts(given.output / "texts.jsonl", data)
    detox(given.output, BASE)
    seeds = range(given.seeds)
    tune(given.output, data, seeds, given.rate)
    for model in ("base", *names(seeds)):
        measure(given.output, model, data, given.prompts, given.language_id)
    detox(
        given.output, COMPARED.format(runs=" ".join(f"{one}=eval-{one}" for one in ("base", *names(seeds))))
    )
    print(report(given.output, seeds))


def names(seeds: Sequence[int]) -> list[str]:
    return [f"{arm}-{seed}" for seed in seeds for arm in ARMS]


def tune(folder: Path, data: Path, seeds: Sequence[int], rate: float) -> None:
    """Every arm with every seed."""
    for seed in seeds:
        for name, arm in arms(data).items():
            told = {"langs": ",".join(arm.langs), "where": arm.where, "epochs": f"{arm.epochs:.4g}"}
            told["more"] = arm.more
            detox(folder, TUNED.format(data=data, name=f"{name}-{seed}", seed=seed, rate=rate, **told))


def measure(folder: Path, model: str, data: Path, prompts: int, identify: bool) -> None:
    """What a model writes after measured prompts of every language."""
    command = WRITTEN.format(
        model=model,
        data=data,
        where=MEASURED,
        langs=",".join(LANGUAGES),
        prompts=prompts,
        samples=SAMPLES,
        more="--language-id " if identify else "",
    )
    detox(folder, command, profile="offline-multilingual")


def arms(data: Path) -> dict[str, Arm]:
    """The arms: as many pairs of ``spread`` as of ``english``, and as many steps of all."""
    pairs = pairs_of(data, TRAINED)
    counts = {lang: sum(one.lang == lang for one in pairs) for lang in PAIRED}
    size = counts["en"]
    return {
        "english": Arm(("en",), TRAINED, EPOCHS),
        "spread": Arm(PAIRED, spread(data, size), EPOCHS),
        # Most of the rows are never reached: the reference need not be asked about them.
        "twelve": Arm(PAIRED, TRAINED, EPOCHS * size / sum(counts.values()), "--no-precompute-ref "),
    }


def report(folder: Path, seeds: Sequence[int]) -> str:
    """Toxicity by language before and after, the arms against each other, and what it cost."""
    compared = read(folder / "compared")
    lines = ["Every model, means over languages (n prompts):", "", *models_in_mean(folder, seeds)]
    lines += ["", "Differences in the mean over languages, each counting the same (n prompts):", ""]
    lines += in_mean(compared, seeds)
    lines += ["", f"Expected maximum toxicity of {SAMPLES} continuations, before and how it changed (n):", ""]
    lines += by_language(folder, compared, seeds)
    for figure, told in RATES.items():
        if figure in read(folder / "eval-base")["groups"][0]["figures"]:
            lines += ["", f"{told} (n prompts):", "", *rate_by_language(folder, figure, seeds)]
    return "\n".join(lines)


def models_in_mean(folder: Path, seeds: Sequence[int]) -> list[str]:
    """Toxicity, language, fluency and length of every model, each language counting the same."""
    told = (EMT, f"{SCORER}/clean", "in_language", "perplexity", "dist_2", "empties", "tokens")
    found = {name: read(folder / f"eval-{name}")["macro"] for name in ("base", *names(seeds))}
    shown = [one for one in told if one in found["base"]]
    rows = [[name, *(estimate(macro[one]) for one in shown)] for name, macro in found.items()]
    return table(["", *(one.removeprefix(f"{SCORER}/") for one in shown)], rows)


def in_mean(compared: dict[str, Any], seeds: Sequence[int]) -> list[str]:
    """The arms against the base model and each other, with every seed."""
    rows = []
    for figure in sorted({one["figure"] for one in compared["macro"]}):
        for seed in seeds:
            pairs = [(f"{arm}-{seed}", "base") for arm in ARMS]
            pairs += [(f"{arm}-{seed}", f"english-{seed}") for arm in ARMS[1:]]
            told = [difference(compared["macro"], figure, *one) for one in pairs]
            rows.append([f"{figure.removeprefix(f'{SCORER}/')}, seed {seed}", *told])
    heads = ["english − base", "spread − base", "twelve − base", "spread − english", "twelve − english"]
    return table(["", *heads], rows)


def by_language(folder: Path, compared: dict[str, Any], seeds: Sequence[int]) -> list[str]:
    """Before, and the change in the first two arms with every seed."""
    contests = [(f"{arm}-{seed}", "base") for arm in ARMS[:2] for seed in seeds]
    contests += [(f"spread-{seed}", f"english-{seed}") for seed in seeds]
    before = {group["lang"]: group["figures"][EMT] for group in languages_of(folder / "eval-base")}
    rows = [
        [lang, estimate(told), *(difference(compared["by_language"], EMT, *one, lang) for one in contests)]
        for lang, told in sorted(before.items())
    ]
    return table(["", "before", *(f"{mine} − {theirs}" for mine, theirs in contests)], rows)


def rate_by_language(folder: Path, figure: str, seeds: Sequence[int]) -> list[str]:
    """A share of continuations in each language, for every model."""
    models = ["base", *names(seeds)]
    found = {
        name: {group["lang"]: group["figures"].get(figure) for group in languages_of(folder / f"eval-{name}")}
        for name in models
    }
    rows = [
        [lang, *(estimate(one) if (one := found[name][lang]) else "-" for name in models)]
        for lang in sorted(found["base"])
    ]
    return table(["", *models], rows)


def languages_of(folder: Path) -> list[dict[str, Any]]:
    return [one for one in read(folder)["groups"] if one["lang"] and not one["stratum"]]


def difference(found: Sequence[dict[str, Any]], figure: str, mine: str, theirs: str, group: str = "") -> str:
    """A model's figure minus another's, whichever way round the command has compared them."""
    for one in found:
        if one["figure"] == figure and one.get("group", "") == group:
            told = one["difference"]
            if (one["system"], one["against"]) == (mine, theirs):
                return estimate(told)
            if (one["system"], one["against"]) == (theirs, mine):
                turned = {"mean": -told["mean"], "low": -told["high"], "high": -told["low"], "n": told["n"]}
                return estimate(turned)
    raise KeyError(f"{mine} against {theirs} in {figure} {group}")


if __name__ == "__main__":
    main()
