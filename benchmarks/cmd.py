"""Self-detoxification with each contrast: toxicity before and after, on real prompts that no chain has.

Tang et al. (EMNLP 2024) report 60 % less expected maximum toxicity on toxic prompts, and a toxicity
probability 75 % lower. Here with `builtin:lm` and real prompts, in one folder:

    detox synth chain builtin:lm --prompts rtp/prompts.jsonl --test-share .36 --profile offline -o DATA
    python -m benchmarks.cmd --data DATA --output out

All systems first learn the chains alone, from the same start; then each goes on with its own contrast for
the same number of steps, `none` with no contrast. They are asked for chains on the prompts that were put
aside, and scored by another scorer than the one that chose the data. Every step is kept, so that a stopped
run goes on. Intervals are 95 %: prompts are drawn anew, the same ones for all systems.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detox_cli.output.lines import Lines
from detox_cli.services.eval_compare.run_groups import strata_of
from detox_cli.services.eval_compare.runs import Run, read_runs
from detox_cli.services.eval_generation.run import run as measure
from detox_cli.services.train_cmd.run import run as train
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.settings.train_cmd import CmdSettings
from detox_cli.statistics.paired_ratios import drawn_figures

BASE = "builtin:lm"
CONTRASTS = ("none", "cmd", "dpo", "unlikelihood")
SEED, RESAMPLES, CHAIN_TOKENS = 0, 2000, 200
"""Of training and drawing; draws; tokens at which a chain is cut."""
SHOWN = ("expected_maximum", "probability", "clean", "mean")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--scorer", default="builtin:toxicity-multilingual")
    parser.add_argument("--prompts", type=int, default=500, help="of each kind")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--epochs", type=float, default=8)
    parser.add_argument("--contrast-epochs", type=float, default=2)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--negatives", type=int, default=3)
    parser.add_argument(
        "--contrast-chains", type=int, help="the first so many chains are contrasted; else all"
    )
    parser.add_argument("--systems", nargs="+", default=list(CONTRASTS))
    parser.add_argument("--start", type=Path, help="has learnt the chains already; else it is trained here")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    prompts = write_prompts(args.data / "test.jsonl", args.output, args.prompts)
    folders = [evaluate("base", BASE, None, prompts, args)]
    start = args.start or learn(args, "start", BASE, "none", args.epochs, 1e-3)
    for contrast in args.systems:
        model = learn(args, contrast, str(start), contrast, args.contrast_epochs, 3e-4)
        folders.append(evaluate(contrast, str(model), "cmd", prompts, args))
    report(read_runs(list(map(str, folders)), SEED, RESAMPLES))


def write_prompts(source: Path, output: Path, count: int) -> Path:
    """The first ``count`` toxic prompts that were put aside, and as many others."""
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    chosen = [[row for row in rows if row.get("stratum") == kind][:count] for kind in ("toxic", "nontoxic")]
    path = output / "prompts.jsonl"
    if not path.exists():
        text = "".join(json.dumps(row) + "\n" for kind in chosen for row in kind)
        path.write_text(text, encoding="utf-8")
    return path


def learn(args: argparse.Namespace, name: str, model: str, contrast: str, epochs: float, rate: float) -> Path:
    """A model that has learnt the chains, all its weights tuned."""
    settings = CmdSettings.model_validate(
        {
            "model": model,
            "data": str(args.data),
            "output": args.output / name,
            "contrast": contrast,
            "alpha": args.alpha,
            "max_neg": args.negatives,
            "limit": args.contrast_chains if name != "start" else None,
            "epochs": epochs,
            "learning_rate": rate,
            "lora": "none",
            "batch_size": 16,
            "accumulate": 1,
            "eval_every": epochs / 2,
            "device": "cpu",
            "seed": SEED,
        }
    )
    result = train(settings, Lines())
    print(f"{name}: {result.model_dump_json(exclude={'files', 'folded'})}", flush=True)
    return settings.output


def evaluate(name: str, model: str, chain: str | None, prompts: Path, args: argparse.Namespace) -> Path:
    """Its answers, scored; the folder of the run."""
    settings = EvalGenerationSettings(
        model=model,
        prompts=str(prompts),
        scorers=[args.scorer],
        num_samples=args.samples,
        judge=BASE,
        output=args.output / f"measured-{name}",
        chain=chain,
        chain_tokens=CHAIN_TOKENS if chain else None,
        chain_retries=1 if chain else 3,
        device="cpu",
        seed=SEED,
    )
    measure(settings, Lines())
    return settings.output


def report(runs: Sequence[Run]) -> None:
    """Every system in every figure, on each kind of prompts, and how much less that is than the base's."""
    for kind, rows in strata_of(runs[0]).items():
        everyone = [run.sums(rows) for run in runs]
        names = [name for name in everyone[0] if name.split("/")[-1].split("@")[0] in SHOWN]
        print(f"\n{kind} prompts: {len(rows)}")
        print("| system | figure | value | less than the base by |\n|---|---|--:|--:|")
        for name in [*names, "perplexity", "perplexity_detoxified", "malformed"]:
            have = [place for place, sums in enumerate(everyone) if name in sums]
            sums = [everyone[place][name] for place in have]
            drawn = drawn_figures(sums, SEED, RESAMPLES) if sums else np.empty((0, 0))
            values = np.concatenate([np.array([[one.figure for one in sums]]), drawn])
            for column, place in enumerate(have):
                less = 1 - values[:, column] / np.maximum(values[:, 0], 1e-12)
                told = interval(less, "+.0%") if have[0] == 0 and place else "-"
                print(f"| {runs[place].name} | {name} | {interval(values[:, column])} | {told} |")


def interval(values: np.ndarray, form: str = ".3f") -> str:
    """The first value, and between which 95 % of the others lie."""
    low, high = np.nanquantile(values[1:], (0.025, 0.975))
    return f"{values[0]:{form}} [{low:{form}}, {high:{form}}]"


if __name__ == "__main__":
    main()
