"""What three ways of detoxifying `builtin:lm` change in it: `probe diff` after each, beside its controls.

Makes everything from nothing with the commands below, which are those of docs/probing.md, and prints as
Markdown what the reports say, with n and intervals; then toxicity against perplexity of all three, and of two
edits without training: the neurons of the group TP- halved, and weakened to nothing; and what becomes of
toxicity when the neurons nearest to the probe, chosen without a tuned model, are silenced; and what adapters
on the MLPs of the two layers with most of these neurons do, beside those of the other layers, of all, and all
that is linear. A stopped run goes on; what is there already is kept.

    python -m benchmarks.three_ways --data $DETOX_DATA --output DIR [--only nearest|adapters]
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.commands import detox, estimate, read, table

WAYS = {"dpo": "train dpo", "negated": "negate", "calm": "abliterate --contrast toxicity"}
PAIRS = 480
"""Of those that are drawn, the first so many are trained on."""
PROBE = (
    "probe train builtin:lm --data {data}/jigsaw/binary.csv --limit 6000 --layers 3,final --controls 2 "
    "-o probe"
)
SAMPLED = (
    "synth preferences builtin:lm --prompts {data}/rtp/prompts.jsonl --limit 600 --pairs-per-prompt 3 "
    "-o all.jsonl"
)
MADE = (
    "train dpo builtin:lm --data pairs.jsonl --epochs 1 -o dpo",
    "negate builtin:lm --data builtin:pairs --text-column toxic --split 3 --scale auto --max-ppl-increase 5% "
    "--num-samples 5 -o negated",
    "abliterate builtin:lm --contrast toxicity --raw --parts residues --parts kl --parts perplexity -o calm",
)
LOOKED = (
    "probe diff builtin:lm {way} --probe probe --prompts {data}/rtp/prompts.jsonl --limit 200 -o diff-{way}"
)
EDITS = {"halved": 0.5, "off": 0}
"""Edited copies of the base model, and by what the coefficients of its neurons TP- are multiplied."""
GROUPED = (
    "probe activations builtin:lm --tuned dpo --probe probe --prompts {data}/rtp/prompts.jsonl --limit 200 "
    "-o active"
)
EDITED = (
    "probe intervene builtin:lm --neurons active/groups/TP-.json --op scale --dose {dose} "
    "--prompts builtin:openings --num-samples 5 --bake {way} -o intervention-{way}"
)
NEAREST = (
    "probe vectors builtin:lm --probe probe --top 100 --no-activations -o nearest",
    "probe intervene builtin:lm --neurons nearest/neurons.json --op scale --dose 0 --controls 10 "
    "--prompts builtin:openings --num-samples 5 -o intervention-nearest",
)
ADAPTED = (
    "train dpo builtin:lm --data pairs.jsonl --epochs 1 --lora 16 --target '{target}' --learning-rate 1e-3 "
    "-o {name}"
)
FRONT = "builtin:toxicity/probability@5"
MEASURED = (
    "eval generation {model} --prompts builtin:openings --num-samples 5 --judge builtin:lm -o eval-{way}"
)
COMPARED = "eval compare {runs} -o compared"


def main() -> None:
    """Make the three models and their reports, and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", choices=["nearest", "adapters"], help="One part alone.")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    data = given.data.resolve()
    if given.only is None:
        make_all(given.output, data)
        print(report(given.output), end="\n\n")
    if given.only != "adapters":
        for command in (PROBE, *NEAREST):
            detox(given.output, command.format(data=data))
        print("\n".join(silenced(read(given.output / "intervention-nearest"))), end="\n\n")
    if given.only != "nearest":
        print("\n".join(adapters(given.output, data)))


def make_all(folder: Path, data: Path) -> None:
    """Probe, three models, their reports and what they write."""
    make_preferred(folder, data)
    for command in (PROBE, *MADE[1:]):
        detox(folder, command.format(data=data))
    for way in WAYS:
        detox(folder, LOOKED.format(way=way, data=data))
    detox(folder, GROUPED.format(data=data))
    for way, dose in EDITS.items():
        detox(folder, EDITED.format(way=way, dose=dose))
    models = {"lm": "builtin:lm"} | {way: way for way in (*WAYS, *EDITS)}
    for way, model in models.items():
        detox(folder, MEASURED.format(model=model, way=way))
    detox(folder, COMPARED.format(runs=" ".join(f"{way}=eval-{way}" for way in models)))


def make_preferred(folder: Path, data: Path) -> None:
    """The preference-tuned model, in ``dpo``."""
    make_pairs(folder, data)
    detox(folder, MADE[0])


def make_pairs(folder: Path, data: Path) -> None:
    """The model's own pairs that are trained on, in ``pairs.jsonl``."""
    detox(folder, SAMPLED.format(data=data))
    rows = (folder / "all.jsonl").read_text(encoding="utf-8").split("\n")
    (folder / "pairs.jsonl").write_text("\n".join(rows[:PAIRS]) + "\n", encoding="utf-8")


def report(folder: Path) -> str:
    """A table of all three, and what each report says."""
    found = {way: read(folder / f"diff-{way}") for way in WAYS}
    rows = [
        ["expected maximum toxicity (n)", *(toxicity(folder / f"eval-{way}") for way in WAYS)],
        ["tensors changed", *(tensors(one) for one in found.values())],
        *kinds(list(found.values())),
        *shifts(list(found.values())),
        *controls(list(found.values())),
    ]
    lines = [
        f"Before: {toxicity(folder / 'eval-lm')}",
        "",
        *table(["", *(f"`{one}`" for one in WAYS.values())], rows),
    ]
    for way, one in found.items():
        lines += ["", f"`{WAYS[way]}`:", "", *(f"* {sentence}" for sentence in one["findings"])]
    return "\n".join([*lines, "", *front(read(folder / "compared"))])


def adapters(folder: Path, data: Path) -> list[str]:
    """Toxicity and perplexity after preference tuning of adapters on parts of the model."""
    make_pairs(folder, data)
    for command in (PROBE, NEAREST[0]):
        detox(folder, command.format(data=data))
    layers = read(folder / "nearest")["layers"]
    layers.sort(key=lambda one: -one["toward"] - one["away"])
    order = [str(one["layer"]) for one in layers]
    targets = {"two": mlps(order[:2]), "others": mlps(order[2:]), "mlp": "mlp", "all": "all-linear"}
    told = {
        "two": f"MLPs of layers {' and '.join(sorted(order[:2]))}",
        "others": f"MLPs of layers {' and '.join(sorted(order[2:]))}",
    }
    detox(folder, MEASURED.format(model="builtin:lm", way="lm"))
    rows = [["before", "-", *written(folder / "eval-lm")]]
    for name, target in targets.items():
        detox(folder, ADAPTED.format(target=target, name=name))
        detox(folder, MEASURED.format(model=name, way=name))
        trained = json.loads((folder / name / "detox.json").read_text("utf-8"))["metrics"]["parameters"]
        weights = f"{trained['trained']:,}"
        rows.append([told.get(name, f"`{target}`"), weights, *written(folder / f"eval-{name}")])
    return table(["", "weights trained", "expected maximum toxicity (n)", "perplexity (n)"], rows)


def mlps(layers: Sequence[str]) -> str:
    """The MLPs of these layers, as `--target` takes them."""
    return rf"re:.*layers\.[{''.join(sorted(layers))}]\.mlp\..*"


def written(folder: Path) -> list[str]:
    """Toxicity and perplexity of what a model wrote."""
    return [toxicity(folder), estimate(whole(folder)["perplexity"])]


def front(compared: dict[str, Any]) -> list[str]:
    """Toxicity against perplexity, and how surely nothing is better at both."""
    told = next(one for one in compared["fronts"] if one["figure"] == FRONT)
    named = {"lm": "before", **WAYS, **{way: f"TP- times {dose}" for way, dose in EDITS.items()}}
    rows = [
        [
            named[one["system"]],
            estimate(one["toxicity"]),
            estimate(one["perplexity"]),
            f"{one['front_share']:.0%}",
        ]
        for one in told["systems"]
    ]
    return table(["", f"`{told['figure']}` (n)", "perplexity (n)", "on the front"], rows)


def silenced(found: dict[str, Any]) -> list[str]:
    """Toxicity without the neurons nearest to the probe, beside as many others of the same layers."""
    own = [step["measured"] for step in found["steps"] if step["random"] is None]
    figures = ("toxicity", "change", "increase")
    rows = [[one["name"], *(estimate(one[name]) if one[name] else "-" for name in figures)] for one in own]
    chance = found["by_chance"][0]
    beside = [estimate(chance[name]) for name in figures]
    rows.append([f"dose 0 of as many at random, means over {chance['change']['n']} sets", *beside])
    return table(["", f"`{found['figure']}` (n)", "change (n)", "perplexity more (n)"], rows)


def toxicity(folder: Path) -> str:
    """What a model writes after the bundled openings."""
    return estimate(next(value for name, value in whole(folder).items() if "/expected_maximum@" in name))


def whole(folder: Path) -> dict[str, Any]:
    """The figures of all prompts."""
    groups = read(folder)["groups"]
    return dict(next(one for one in groups if not one["lang"] and not one["stratum"])["figures"])


def tensors(diff: dict[str, Any]) -> str:
    moved = [one for one in diff["tensors"] if one["step"] > 0]
    ranks = sorted(one["rank"] for one in moved if one["rank"] is not None)
    return f"{len(moved)} of {len(diff['tensors'])}, median stable rank {ranks[len(ranks) // 2]:.1f}"


def kinds(diffs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """What of each kind's difference lies in the toxic subspace."""
    rows = []
    for kind in ("embedding", "attention", "mlp"):
        own = [next((row for row in one["kinds"] if row["kind"] == kind), None) for one in diffs]
        told = [
            "unchanged"
            if row is None or row["toxic"] is None
            else f"{row['toxic']:.1%}; 95 % by chance below {row['random_high']:.1%}, p = {row['p']:.3f}"
            for row in own
        ]
        rows.append([f"of the difference of {kind} in the toxic subspace", *told])
    return rows


def shifts(diffs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The stream along the probe, in standard deviations."""
    return [
        [
            f"stream along the probe after block {first['layer']}",
            *(f"{estimate(one['shifts'][i]['shift'])}, p = {one['shifts'][i]['p']:.3f}" for one in diffs),
        ]
        for i, first in enumerate(diffs[0]["shifts"])
    ]


def controls(diffs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Followed neurons and groups, beside chance."""
    rows = []
    for i, first in enumerate(diffs[0]["activations"]["controls"]):
        own = [one["activations"]["controls"][i] for one in diffs]
        rows.append(
            [
                named(first["name"]),
                *(
                    f"{one['value']:.3g}; by chance {one['mean']:.3g} [{one['low']:.3g}, {one['high']:.3g}], "
                    f"p = {one['p']:.3f} ({one['n']})"
                    for one in own
                ),
            ]
        )
    return rows


def named(control: str) -> str:
    """What a control is of: the followed neurons, or all."""
    return f"followed neurons: {control}" if control.startswith(("mean", "change")) else control


if __name__ == "__main__":
    main()
