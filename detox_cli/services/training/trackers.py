"""The services and programs that loss curves can be sent to, as far as the user asks for one."""

import importlib.util
import os
from pathlib import Path

from detox_cli.errors import Missing


def find_tracker(name: str) -> None:
    """Raise ``Missing`` if what the tracker needs is not installed."""
    if name != "none" and importlib.util.find_spec(name) is None:
        raise Missing(
            f"the tracker {name} is not installed",
            where="--tracker",
            hint=f"pip install {name}, or leave it out",
        )


def report_to(name: str, output: Path) -> str:
    """The tracker in the trainer's words; TensorBoard writes beside the output, where it stays.

    Losses, learning rates and measurements go to it, and the trainer's settings; no texts.
    """
    if name == "tensorboard":
        os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(output.with_name(output.name + ".tensorboard")))
    return name
