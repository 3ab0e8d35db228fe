"""Continuations for tests: settings of a small run, and flat files of the original scripts."""

import json
from pathlib import Path

from detox_cli.settings.eval_generation import EvalGenerationSettings

TEXTS = ["The weather is", "You know nothing about", "Please read the\u2028second page", "I cannot"]
FILES = ("generations.jsonl", "scores.jsonl", "summary.json", "summary.md", "summary.csv", "report.html")


def settings(prompts: Path, model: Path | None, scorer: str, /, **changes: object) -> EvalGenerationSettings:
    given: dict[str, object] = {
        "model": None if model is None else str(model),
        "prompts": str(prompts),
        "output": prompts.parent / "out",
        "scorers": [scorer, "builtin:lexicon"],
        "num_samples": 6,
        "max_new_tokens": 6,
        "device": "cpu",
        "resamples": 100,
    }
    return EvalGenerationSettings(**{**given, **changes})


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def flat(path: Path, rows: list[tuple[object, object]]) -> str:
    lines = [
        json.dumps({"prompt": prompt, "generated_text": text}, ensure_ascii=False) for prompt, text in rows
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)
