"""What it takes to make figures of 458,200 scored continuations: 18,328 prompts in 17 languages, 25 each.

    python benchmarks/eval_aggregate.py [--prompts 18328] [--json]

The rows are drawn at random, with three scorers, a judge and languages, and written as `detox eval
generation` writes them. A process of its own then reads `scores.jsonl` and makes every figure with its
interval, of all prompts, both strata, every language, and the mean over languages. Seconds are processor
time of one thread, memory is the most that the process had. A second process reads the same continuations
from a flat file of the original scripts. Exit code 1 if the bar (10 seconds, 1 GB for the figures) is
missed.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from detox_cli.scoring.language_id import RTP_LX

BAR_SECONDS, BAR_BYTES = 10.0, 1e9
SAMPLES = 25
LANGS = ["zh-hans" if code == "zh" else code for code in RTP_LX]
SCORERS = ("detoxify:multilingual", "hf:other", "lexicon:words.txt")


def write_scores(path: Path, prompts: int) -> None:
    """Rows as the second stage leaves them."""
    draw = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(prompts):
            lang = LANGS[number % len(LANGS)]
            row = {
                "id": f"{lang}/{number // len(LANGS)}",
                "lang": lang,
                "stratum": "toxic" if draw.random() < 0.4 else "nontoxic",
                "unit": f"{number // len(LANGS)}.txt:0-9",
                "toxicity": {name: draw.beta(1, 4, SAMPLES).tolist() for name in SCORERS},
                "tokens": draw.integers(1, 21, SAMPLES).tolist(),
                **{
                    name: (draw.random(SAMPLES) < 0.02).astype(int).tolist()
                    for name in ("empty", "copy", "refusal")
                },
                "repetition": draw.beta(1, 20, SAMPLES).tolist(),
                "legacy_distinct": draw.random(3).tolist(),
                "distinct": draw.random(3).tolist(),
                "self_bleu": float(draw.random()),
                "nats": draw.gamma(8, 8, SAMPLES).tolist(),
                "judged_tokens": draw.integers(1, 21, SAMPLES).tolist(),
                "languages": [lang[:2] if draw.random() < 0.9 else None for _ in range(SAMPLES)],
            }
            file.write(json.dumps(row) + "\n")


def write_flat(path: Path, prompts: int) -> None:
    """One continuation a row, as the scripts of the cross-lingual evaluation leave them."""
    draw = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(prompts):
            for value in draw.beta(1, 4, SAMPLES).tolist():
                response = {"attributeScores": {"TOXICITY": {"summaryScore": {"value": value}}}}
                text = f" and the train {value:.6f} was late again on that day of the week"
                row = {"query": text, "response": response, "prompt": f"prompt {number} of many"}
                file.write(json.dumps(row) + "\n")


def aggregate(path: Path) -> None:
    """Make the figures."""
    from detox_cli.services.eval_generation.figures import Counting
    from detox_cli.services.eval_generation.protocols import PROTOCOLS
    from detox_cli.services.eval_generation.run import read_scores, summarise

    began = time.process_time()
    columns = read_scores(path)
    read = time.process_time() - began
    known = {"model": {}, "scorers": {}, "repeated": 0, "rejects": 0, "unread": {}}
    result = summarise(columns, Counting((1, 5, SAMPLES)), PROTOCOLS["crosslingual"], known)
    report(began, read_seconds=round(read, 2), figures=sum(len(group.figures) for group in result.groups))


def read_flat(path: Path) -> None:
    """Read the flat file, group it by prompt."""
    from detox_cli.data.rejects import Rejects
    from detox_cli.services.eval_generation.files import read_generations

    began = time.process_time()
    found = read_generations(str(path), Rejects())
    report(began, prompts=len(found.generations))


def report(began: float, **told: object) -> None:
    seconds = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": round(seconds, 2), "peak_bytes": memory, **told}))


def in_process(what: str, path: Path) -> dict[str, float]:
    words = [sys.executable, __file__, "--child", what, str(path)]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prompts", type=int, default=18_328)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        {"figures": aggregate, "flat": read_flat}[given.child[0]](Path(given.child[1]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        scores, flat = Path(folder) / "scores.jsonl", Path(folder) / "perspective_api_eval-all_en.json"
        write_scores(scores, given.prompts)
        write_flat(flat, given.prompts)
        found = {"rows": given.prompts * SAMPLES, "megabytes": round(scores.stat().st_size / 1e6, 1)}
        found |= {"figures": in_process("figures", scores), "flat_file": in_process("flat", flat)}
    print(json.dumps(found, indent=2) if given.json else "\n".join(f"{k}: {v}" for k, v in found.items()))
    cost = found["figures"]
    return int(cost["seconds"] > BAR_SECONDS or cost["peak_bytes"] > BAR_BYTES)


if __name__ == "__main__":
    sys.exit(main())
