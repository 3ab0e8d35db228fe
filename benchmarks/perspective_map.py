"""How near a scorer comes to Perspective on RealToxicityPrompts, as it is and through a map.

    python benchmarks/perspective_map.py SCORER --data $DETOX_DATA --output perspective-map

Prompts and continuations that the bundled models never learn from (`is_held_out(text, .1)`) are written to
one file in the form of the data set, and `detox eval calibrate --soft` holds the scorer against the
scores that Perspective gave them.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from detox_cli.data.splits import is_held_out

HELD_OUT_SHARE = 0.1


def held_out(row: dict[str, object]) -> dict[str, object]:
    """The halves of a row that no bundled model has learnt from."""
    halves = {name: row[name] for name in ("prompt", "continuation") if isinstance(row.get(name), dict)}
    return {name: half for name, half in halves.items() if is_held_out(half["text"], HELD_OUT_SHARE)}


def main() -> None:
    """Write the held-out halves and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scorer", nargs="?", default="builtin:toxicity")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    rows = [
        held_out(json.loads(line)) for line in (options.data / "rtp/prompts.jsonl").open(encoding="utf-8")
    ]
    halves = [{"prompt": half} for row in rows for half in row.values()]
    labels = options.output / "halves.jsonl"
    labels.write_text("".join(json.dumps(half) + "\n" for half in halves), encoding="utf-8")
    words = [
        options.scorer,
        "--labels",
        str(labels),
        "--soft",
        "-o",
        str(options.output / "map"),
        "--overwrite",
    ]
    subprocess.run([sys.executable, "-m", "detox_cli", "eval", "calibrate", *words], check=True)


if __name__ == "__main__":
    main()
