"""Plain texts, and settings with which ``train lm`` learns from them in seconds."""

import json
from pathlib import Path

from detox_cli.settings.train_lm import LmSettings

INSULTS = ("silly", "useless", "dumb", "stupid", "hopeless", "pathetic")
TOPICS = ("page", "train", "game", "answer", "comment", "idea", "book", "plan", "film", "song")


def write_texts(folder: Path, **columns: object) -> Path:
    """Sixty texts of different lengths, each with the ``columns``, as ``texts.jsonl`` in ``folder``."""
    rows = [
        {"text": f"what a {insult} {topic}" + f" , {insult} as ever" * (number % 3), **columns}
        for number, (insult, topic) in enumerate((i, t) for i in INSULTS for t in TOPICS)
    ]
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def quick_lm(data: Path, output: Path, model: Path, **changes: object) -> LmSettings:
    """Two epochs on one core in exact numbers; then ``changes``."""
    given = {
        "data": (str(data),),
        "output": output,
        "model": str(model),
        "epochs": 2,
        "learning_rate": 3e-3,
        "batch_size": 8,
        "eval_share": 0.15,
        "max_length": 24,
        "precision": "float32",
        "device": "cpu",
    }
    return LmSettings(**{**given, **changes})
