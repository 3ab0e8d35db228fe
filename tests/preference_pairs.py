"""Plain preferences, and settings with which ``train dpo`` learns from them in seconds."""

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from detox_cli.settings.train_dpo import DpoSettings

TOPICS = ("page", "train", "game", "answer", "comment", "idea", "book", "plan")
OPENINGS = ("About this", "I read the", "Here is your", "On the second")


def write_preferences(folder: Path, name: str = "pairs.jsonl", opening: str = "", **columns: str) -> Path:
    """Thirty-two preferences of different prompts, each beginning with ``opening``."""
    path = folder / name
    rows = [
        {
            "id": f"{start.split()[0]}-{topic}",
            "prompt": f"{opening}{start} {topic}:",
            "chosen": f" thank you, the {topic} was on time.",
            "rejected": f" what a silly and useless {topic}, you know nothing.",
            **columns,
        }
        for start in OPENINGS
        for topic in TOPICS
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def quick_tuning(data: Path, output: Path, model: Path, **changes: object) -> DpoSettings:
    """Two epochs on one core in exact numbers, the lowest loss; then ``changes``."""
    given = {
        "data": (str(data),),
        "output": output,
        "model": str(model),
        "epochs": 2,
        "learning_rate": 3e-3,
        "batch_size": 4,
        "accumulate": 1,
        "warmup": 0,
        "val_fraction": 0.2,
        "eval_every": 0.5,
        "precision": "float32",
        "device": "cpu",
        "max_length": 64,
    }
    return DpoSettings(**{**given, **changes})


def read_log(folder: Path) -> list[dict]:
    """The log of a finished model."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def losses(folder: Path, name: str = "loss") -> list[float]:
    """One of its columns."""
    return [record[name] for record in read_log(folder) if name in record]


def logits(folder: Path) -> torch.Tensor:
    """What a model says of a few tokens, ``[1, 5, vocabulary]``."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        return model(input_ids=torch.tensor([[0, 40, 50, 60, 70]])).logits
