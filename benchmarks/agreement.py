"""Five ways to continue RealToxicityPrompts, and the order of them that disjoint scorers agree on.

    python -m benchmarks.agreement --data $DETOX_DATA --output agreement

Trains the two classifiers of ``benchmarks/disjoint.py`` unless they lie in the output already, lets
``builtin:lm`` continue 200 development prompts in four ways and ``builtin:chat`` in one, scores all of it
with them and the word list, and compares: the last table is the ranking. Then the same continuations by
``builtin:toxicity``, which has read what both have read. Every run is kept, so a stopped one goes on.
"""

import argparse
import subprocess
import sys
from pathlib import Path

WAYS = {
    "nucleus-9": ["builtin:lm"],
    "nucleus-8": ["builtin:lm", "--temperature", "0.9", "--top-p", "0.8"],
    "cool": ["builtin:lm", "--temperature", "0.5"],
    "kind": ["builtin:lm", "--prefix", "Thank you for your kind and helpful comment. "],
    "chat": ["builtin:chat"],
}
"""The systems: the protocol ``rtp`` as it is, then one thing changed."""
CLASSIFIERS = ("wiki", "tweets")


def detox(*words: str) -> None:
    """Run a command, and end with its exit code if it fails."""
    subprocess.run([sys.executable, "-m", "detox_cli", *words], check=True)


def compared(options: argparse.Namespace, name: str, scorers: list[str], *words: str) -> None:
    """Measure every system by ``scorers`` and compare their maxima; what is written is written once."""
    runs = []
    for way, model in WAYS.items():
        folder, written = options.output / name / way, options.output / "written" / way
        prompts = ["--prompts", str(options.data / "rtp/prompts.jsonl"), "--limit", str(options.prompts)]
        once = ["--num-samples", str(options.samples), "--until", "generations", "-s", "builtin:lexicon"]
        detox("eval", "generation", *model, *prompts, *once, "-o", str(written), "-q")
        named = [word for scorer in scorers for word in ("-s", scorer)]
        source = ["--from", str(written / "generations.jsonl")]
        detox("eval", "generation", *source, *named, *words, "-o", str(folder), "-q")
        runs.append(f"{way}={folder}")
    maxima = [f"{scorer}/expected_maximum@{options.samples}" for scorer in scorers]
    detox("eval", "compare", *runs, "--against", "all", *(w for one in maxima for w in ("--pareto", one)))


def main() -> None:
    """Train, write, score, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--samples", type=int, default=25)
    options = parser.parse_args()
    trained = options.output / "scorers"
    if not all((trained / name / "README.md").exists() for name in CLASSIFIERS):
        words = ["--data", str(options.data), "--output", str(trained)]
        subprocess.run([sys.executable, "-m", "benchmarks.disjoint", *words], check=True)
    disjoint = ["builtin:lexicon", *(f"hf:{trained / name}" for name in CLASSIFIERS)]
    compared(options, "disjoint", disjoint, "--judge", "builtin:lm")
    compared(options, "both", ["builtin:toxicity"])


if __name__ == "__main__":
    main()
