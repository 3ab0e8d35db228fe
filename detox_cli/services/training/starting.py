"""How a command that trains begins: what all of them check, and who of several processes speaks."""

from typing import Protocol

from pydantic import BaseModel

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress, Silent
from detox_cli.services.training.optimizers import find_optimizer
from detox_cli.services.training.processes import is_first, join_processes
from detox_cli.services.training.trackers import find_tracker

COMPARING = {"patience": "leave it out, or give --patience 0", "keep_best": "use --keep-checkpoints"}
"""Settings that compare checkpoints, and what to do where none are compared."""


class TrainerSettings(Protocol):
    """What every training is told about its trainer."""

    @property
    def tracker(self) -> str: ...  # noqa: D102
    @property
    def optimizer(self) -> str: ...  # noqa: D102
    @property
    def device(self) -> str: ...  # noqa: D102
    @property
    def select(self) -> str: ...  # noqa: D102


def check_trainer(settings: TrainerSettings) -> None:
    """Look whether the trainer can be had as the settings have it.

    Raises:
        BadSettings: The optimizer needs a GPU, or checkpoints that are not compared are to be.
        Missing: The tracker, or the library of the optimizer, is not installed.
    """
    find_tracker(settings.tracker)
    find_optimizer(settings.optimizer, settings.device)
    if settings.select != "last":
        return
    for name, hint in COMPARING.items():
        if getattr(settings, name) not in (0, _default(settings, name)):
            option = f"--{name.replace('_', '-')}"
            raise BadSettings("--select last compares no checkpoints", where=option, hint=hint)


def _default(settings: object, name: str) -> object:
    fields = type(settings).model_fields if isinstance(settings, BaseModel) else {}
    return fields[name].default if name in fields else None


def listener_of_first(device: str, progress: Progress | None) -> Progress:
    """Find the other processes that train; the first one speaks to ``progress``, the others are silent."""
    join_processes(device)
    return progress if progress is not None and is_first() else Silent()
