"""The log of a training: every record once, over all parts of a run that was killed."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from detox_cli.errors import DetoxError
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.training.callbacks import Metrics

NAME = "metrics.jsonl"
"""The log in the folder of a finished model."""
CLOCK = ("runtime", "per_second", "total_flos", "preparation_time")


def journal_listener(
    journal: Journal | None, progress: Progress, shown: Mapping[str, str]
) -> Callable[[int, Metrics], None]:
    """A function that takes each log of the trainer with its step, without what the clock says.

    Args:
        journal: Takes every log; ``None`` on all processes but the first.
        progress: Told about the metrics in ``shown``.
        shown: What people call a metric, by its name in the log.

    Raises:
        DetoxError: From the function: the loss is not a number.
    """

    def on_log(step: int, logs: Metrics) -> None:
        if not all(math.isfinite(logs.get(name, 0.0)) for name in ("loss", "eval_loss")):
            raise DetoxError(f"the loss is not a number at step {step}", hint="lower --learning-rate")
        record = {name: value for name, value in logs.items() if not name.endswith(CLOCK)}
        if journal is not None:
            journal.append({"step": step, **record})
        for name, words in shown.items():
            if name in logs:
                progress.metric(words, logs[name], step)

    return on_log


def one_log(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The log without what a killed run had logged after its last checkpoint and the next one did again."""
    merged: dict[tuple[int, bool], dict[str, Any]] = {}
    for record in records:
        merged[record["step"], "eval_loss" in record] = dict(record)
    return [merged[key] for key in sorted(merged)]


def write_log(folder: Path, log: Iterable[Mapping[str, Any]]) -> None:
    """Put the log into the folder of a finished model, one JSON object a line."""
    lines = "".join(json.dumps(record) + "\n" for record in log)
    (folder / NAME).write_text(lines, encoding="utf-8")


def measured_at(log: Iterable[Mapping[str, Any]], step: int, names: Iterable[str]) -> dict[str, float]:
    """What was measured on the way at a step, such as that whose weights were kept: those of ``names``."""
    found: dict[str, float] = {}
    for record in log:
        if record["step"] == step and "eval_loss" in record:
            found = {name.removeprefix("eval_"): float(value) for name, value in record.items()}
    return {name: found[name] for name in names if name in found}
