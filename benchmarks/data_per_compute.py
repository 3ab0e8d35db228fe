"""Pairs per compute: the recipe of PseudoParaDetox against ``detox synth pairs``, by the same annotator.

The published recipe (Moskovskiy et al., EMNLP Findings 2024, and its code) asks once for every row of
ParaDetox, so a sentence with three human versions is asked about three times; one answer at temperature 0.8,
top-p 0.9 and, by the default of its library, top-k 50; the answers go that begin as its rule of eight
beginnings says. It is run without examples, with ten as turns (what its code does with Llama), and with ten
inside one message (with models without a system role). ``synth pairs`` asks once for every sentence, takes
the best of several answers, asks again where all are flawed, and drops what is flagged.

Tokens are those of the prompts, one prompt for every time of asking, and those that were written. CPU seconds
are of the whole process of each recipe: start, model, prompts, answers and, of ours, the scorers. Both run on
our engine, which reads what prompts share once; the tokens do not count that. The loop of the published code
is timed beside it, on the first calls.

Rewriters are then trained on each set with default settings and several seeds, and write the test sentences.

    python benchmarks/data_per_compute.py --data DIR --output DIR [--annotator abliterated] [--seeds 0,1]

A set is RECIPE-SENTENCES: paper0, paper10, paper10inline, ours; paper0+clean is the published answers after
our flags, ours+top4 up to four different good answers to each sentence.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from recipes import (
    FORMS,
    SHOTS,
    Row,
    ask_as_published,
    ours,
    published,
    read,
    time_the_published_loop,
    timed,
    without_refusals,
)
from word_judges import read_judges

from detox_cli.data.pairs import read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import is_held_out, split_fraction, text_key
from detox_cli.data.writing import write_rows
from detox_cli.generation.cleaning import clean_output
from detox_cli.generation.quality import quality_flags
from detox_cli.generation.rewrite_refusals import begins_as_published
from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.scoring.lexicon import BUNDLED, read_lexicon
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.scoring.suites.load import load_panel
from detox_cli.scoring.suites.panel import Panel
from detox_cli.scoring.suites.suite import measure_outputs
from detox_cli.statistics.bootstrap import mean_interval, mean_interval_of_units, paired_difference

HELD_OUT = 0.1
"""The share of texts that the training of the bundled models left out: the sources are from there."""
SIZES, TEST = (240, 480, 960), 750
TRAINED = (
    *(f"{recipe}-{size}" for size in SIZES for recipe in ("paper0", "ours")),
    "paper0+clean-960",
    "paper10-960",
)
OURS = {"ours": "--num-candidates 4 --retries 1 --retry-prompt detox-en-v2 --drop all"}
BUNDLED_SCORERS = {"sta": "builtin:toxicity", "sim": "builtin:similarity", "fl": "builtin:fluency"}
LABEL = "Toxic text:"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument(
        "--annotator", default="abliterated", help="folder, builtin:chat, or that without refusals"
    )
    parser.add_argument("--train", default=",".join(TRAINED))
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="sentences that are written about")
    parser.add_argument("--test", default="test", choices=("test", "tuning"), help="which sentences")
    parser.add_argument("--ask", metavar="FORM:SIZE", help="write the answers of one published form, and end")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    if args.ask:
        return ask_as_published(args.output, args.annotator, *args.ask.split(":"))
    split(args.data, args.output)
    if args.annotator == "abliterated":
        args.annotator = str(without_refusals(args.data, args.output))
    sizes = [int(size) for size in args.sizes.split(",")]
    for size in sizes:
        for form in FORMS:
            published(args, form, size)
        for name, options in OURS.items():
            ours(args, name, options, size)
    time_the_published_loop(args.output, args.annotator)
    names = args.train.split(",") if args.train else []
    seeds = args.seeds.split(",")
    for name in names:
        write_set(args.output, name)
        rewriters(args.output, name, seeds, args.test)
    panels = {"suite": load_panel(DETOX, BUNDLED_SCORERS, device="cpu"), "other": read_judges(args.data)}
    show_data(args.output, sizes, panels)
    if names:
        show_rewriters(args.output, names, seeds, args.test, panels)


def split(data: Path, folder: Path) -> None:
    """Sources that no bundled model was trained on; test sentences and examples that are not among them."""
    pairs = read_pairs(str(data / "paradetox" / "paradetox.tsv"), Rejects())
    pairs.sort(key=lambda pair: split_fraction(pair.toxic, "per compute"))
    rows = [{"id": pair.id, "toxic": pair.toxic, "references": list(pair.references)} for pair in pairs]
    unseen = [row for row in rows if is_held_out(str(row["toxic"]), HELD_OUT)]
    others = [row for row in rows if not is_held_out(str(row["toxic"]), HELD_OUT)]
    for size in SIZES:
        write_rows(folder / f"sources{size}.jsonl", unseen[:size])
    write_rows(folder / "test.jsonl", others[:TEST])
    write_rows(folder / "tuning.jsonl", others[TEST : 2 * TEST])
    write_rows(folder / "shots.jsonl", others[-SHOTS:])


def kept_rows(folder: Path, name: str) -> list[Row]:
    """The pairs that a recipe leaves to train on; ``NAME+clean-SIZE`` also goes through our flags."""
    recipe, size = name.split("-")
    recipe, *extra = recipe.split("+")
    rows = read(folder / f"{recipe}-{size}.jsonl")
    if recipe not in FORMS:
        return targets(rows, extra)
    kept = [row for row in rows if not begins_as_published(row["neutral"])]
    if extra == ["clean"]:
        cleaned = [{**row, "neutral": clean_output(row["neutral"], LABEL)} for row in kept]
        kept = [row for row in cleaned if not flags_of(row)]
    return kept


def targets(rows: Sequence[Row], extra: Sequence[str]) -> list[Row]:
    """The best answer of each sentence, or with ``topN`` up to N different unflagged ones."""
    most = int(extra[0].removeprefix("top")) if extra else 1
    found = []
    for row in rows:
        good = [one for one in row["candidates"] if not one["flags"]]
        different = {text_key(one["text"]): one["text"] for one in sorted(good, key=lambda one: one["score"])}
        for place, text in enumerate(list(different.values())[::-1][:most]):
            of_source = {"source": row["id"], "toxic": row["toxic"]}
            found.append({"id": f"{row['id']}-{place}", **of_source, "neutral": text})
    return found


def write_set(folder: Path, name: str) -> None:
    rows = [{key: row[key] for key in ("id", "toxic", "neutral")} for row in kept_rows(folder, name)]
    write_rows(folder / f"set-{name}.jsonl", rows)


def rewriters(folder: Path, name: str, seeds: Sequence[str], test: str) -> None:
    """Train with each seed, and let each write the test sentences."""
    for seed in seeds:
        model, written = f"model-{name}-{seed}", f"{test}-{name}-{seed}.jsonl"
        offline = ["--profile", "offline", "-q"]
        if not (folder / model).exists():
            words = ["train", "bart", f"set-{name}.jsonl", "-o", model, "--seed", seed, "--split-seed", "0"]
            seconds, _ = timed(["-m", "detox_cli", *words, *offline], folder)
            print(f"{model}: {seconds:.0f} CPU seconds", flush=True)
        if not (folder / written).exists():
            words = ["generate", model, f"{test}.jsonl", "--text-column", "toxic", "-o", written]
            timed(["-m", "detox_cli", *words, *offline], folder)


def show_data(folder: Path, sizes: Sequence[int], panels: Mapping[str, Panel]) -> None:
    """What each recipe took and what it gave, by size."""
    columns = "calls | tokens | CPU s | kept | J, suite | J, other judges | chrF | copies | refusals | dirt"
    print(f"\n| set | {columns} |")
    for size in sizes:
        references = {row["id"]: row["references"] for row in read(folder / f"sources{size}.jsonl")}
        for recipe in (*FORMS, *OURS):
            name = f"{recipe}-{size}"
            cost = json.loads((folder / f"{name}.cost.json").read_text())
            rows = kept_rows(folder, name)
            tokens, seconds = cost["prompt_tokens"] + cost["new_tokens"], f"{cost['cpu_seconds']:.1f}"
            cells = [name, str(cost["calls"]), str(tokens), seconds]
            print(f"| {' | '.join([*cells, *data_cells(rows, references, panels, cost['calls'])])} |")


def data_cells(
    rows: Sequence[Row], references: Mapping[str, Sequence[str]], panels: Mapping[str, Panel], calls: int
) -> list[str]:
    """Rows per call and sources covered; J per row by both judges, J per call, chrF; flags that passed."""
    sources, outputs = [row["toxic"] for row in rows], [row["neutral"] for row in rows]
    ids = [row.get("source", row["id"]) for row in rows]
    cells = [f"{len(rows)} ({len(rows) / calls:.3f} per call, {len(set(ids))} sources)"]
    for panel in panels.values():
        values = measure_outputs(DETOX, panel, sources, outputs).joint
        cells.append(f"{by_source(ids, values.tolist())}, per call {values.sum() / calls:.3f}")
    cells.append(str(by_source(ids, nearest_chrf(outputs, [references[one] for one in ids]))))
    flags = [flags_of(row) for row in rows]
    for kind in ("copy", "refusal"):
        cells.append(f"{np.mean([kind in one for one in flags]):.1%}")
    dirty = [
        flags_of(row) or clean_output(o, LABEL) != o.strip() for o, row in zip(outputs, rows, strict=True)
    ]
    return [*cells, f"{np.mean(list(map(bool, dirty))):.1%}"]


def flags_of(row: Row) -> list[str]:
    return list(quality_flags(row["neutral"], row["toxic"], row.get("finish_reason", "stop")))


def by_source(ids: Sequence[str], values: Sequence[float]) -> object:
    """The mean of rows, with an interval by drawing sources."""
    units: dict[str, list[float]] = {}
    for one, value in zip(ids, values, strict=True):
        units.setdefault(one, []).append(value)
    return mean_interval_of_units([sum(v) for v in units.values()], [len(v) for v in units.values()])


def nearest_chrf(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    return [
        float(sentence_chrf([output] * len(given), given).max())
        for output, given in zip(outputs, references, strict=True)
    ]


def show_rewriters(
    folder: Path, names: Sequence[str], seeds: Sequence[str], test: str, panels: Mapping[str, Panel]
) -> None:
    """Means over seeds of each test sentence, and differences of sets, paired by sentence."""
    rows, lexicon = read(folder / f"{test}.jsonl"), read_lexicon(BUNDLED)
    sources, references = [row["toxic"] for row in rows], [row["references"] for row in rows]
    systems = {"delete": [[lexicon.delete(text) for text in sources]]}
    systems["reference"] = [[given[0] for given in references]]
    for name in names:
        written = [read(folder / f"{test}-{name}-{seed}.jsonl") for seed in seeds]
        by_id = [{row["id"]: row["output"] for row in one} for one in written]
        systems[name] = [[one[row["id"]] for row in rows] for one in by_id]
    found = {
        name: [measure(run, sources, references, panels) for run in runs] for name, runs in systems.items()
    }
    print("\n| rewriter | J of each seed | " + " | ".join(found["delete"][0]) + " |")
    for name, runs in found.items():
        each = ", ".join(f"{np.mean(run['J suite']):.3f}" for run in runs)
        cells = [str(mean_interval(over_seeds(runs, key))) for key in runs[0]]
        print(f"| {name} | {each} | {' | '.join(cells)} |")
    for name in (one for one in names if one.startswith("ours")):
        for other in (one for one in names if one != name):
            differences = [
                f"{key} {paired_difference(over_seeds(found[name], key), over_seeds(found[other], key))}"
                for key in ("J suite", "J other", "chrF", "listed")
            ]
            print(f"{name} minus {other}: {'; '.join(differences)}")


def over_seeds(runs: Sequence[Mapping[str, Sequence[float]]], key: str) -> list[float]:
    """For each test sentence the mean over the trainings."""
    return [float(value) for value in np.mean([run[key] for run in runs], axis=0)]


def measure(
    outputs: Sequence[str],
    sources: Sequence[str],
    references: Sequence[Sequence[str]],
    panels: Mapping[str, Panel],
) -> dict[str, list[float]]:
    """Every measure of every row."""
    parts = {name: measure_outputs(DETOX, panel, sources, outputs) for name, panel in panels.items()}
    found = {f"J {name}": one.joint.tolist() for name, one in parts.items()}
    found |= {key: getattr(parts["suite"], key).tolist() for key in ("sta", "sim", "fl")}
    found["chrF"] = nearest_chrf(outputs, references)
    found["copies"] = [float(text_key(o) == text_key(s)) for o, s in zip(outputs, sources, strict=True)]
    lexicon = read_lexicon(BUNDLED)
    found["listed"] = [float(lexicon.hits(output)) for output in outputs]
    return found


if __name__ == "__main__":
    main()
