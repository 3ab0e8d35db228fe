"""What a checkpoint says about the training that saved it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that is complete: the trainer's state is the last thing that it writes."""
    whole = [path for path in folder.glob("checkpoint-*") if read_state(path) is not None]
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """The optimizer step at which a checkpoint was saved."""
    return int(checkpoint.name.removeprefix("checkpoint-"))


def processes_of(checkpoint: Path) -> int:
    """How many processes have saved a checkpoint: each of several leaves where its random numbers stood."""
    return max(1, len(list(checkpoint.glob("rng_state_*.pth"))))


def read_state(checkpoint: Path) -> dict[str, Any] | None:
    """The trainer's state in a checkpoint, ``None`` if it was not written to its end."""
    try:
        state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def was_stopped(state: Mapping[str, Any]) -> bool:
    """Whether training had ended when this state was saved, by patience or because all steps were done."""
    control = state.get("stateful_callbacks", {}).get("TrainerControl", {})
    stopped = control.get("args", {}).get("should_training_stop", False)
    return bool(stopped) or state["global_step"] >= state["max_steps"]
