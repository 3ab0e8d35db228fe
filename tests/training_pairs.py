"""Plain pairs, and settings with which ``train bart`` learns from them in seconds."""

import json
from pathlib import Path

from detox_cli.settings.train import BartSettings


def write_pairs(folder: Path, count: int = 48, **columns: str) -> Path:
    """``count`` pairs of different sources, each with the ``columns``, as ``pairs.jsonl`` in ``folder``."""
    rows = [
        {"toxic": f"what a silly idea {i}", "neutral": f"I do not like idea {i}.", **columns}
        for i in range(count)
    ]
    path = folder / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def quick_training(pairs: Path, output: Path, model: Path, **changes: object) -> BartSettings:
    """One epoch on one core, exact numbers, greedy answers of 12 tokens, the best loss; then ``changes``."""
    given = {
        "pairs": (str(pairs),),
        "output": output,
        "model": str(model),
        "epochs": 1,
        "min_steps": 0,
        "learning_rate": 3e-3,
        "batch_size": 16,
        "num_beams": 1,
        "max_new_tokens": 12,
        "precision": "float32",
        "device": "cpu",
        "select": "loss",
    }
    return BartSettings(**{**given, **changes})
