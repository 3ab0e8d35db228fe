"""Processes of one launch that each train a model of their own, and only tell each other how far they are."""

import os
from datetime import timedelta
from typing import Any

from torch.distributed.rendezvous import rendezvous

FOREVER = timedelta(days=365)
OF_THE_LAUNCH = ("LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE")


class Crew:
    """The processes of a launch; a process that was started alone is a crew of one.

    Attributes:
        rank: The number of this one; the first, 0, holds the output and speaks.
        size: How many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1, store: Any = None) -> None:
        self.rank = rank
        self.size = size
        self._store = store

    def say(self, name: str, value: str = "") -> None:
        """Tell all others something, once."""
        if self._store is not None:
            self._store.set(name, value)

    def hear(self, name: str) -> str:
        """Wait until one of the others has said it."""
        if self._store is None:
            return ""
        self._store.wait([name], FOREVER)
        return bytes(self._store.get(name)).decode()


def part_company() -> Crew:
    """Make each process of the launch one that trains alone, on its own GPU if there are any.

    Call it before anything asks for a GPU or for the other processes: what ``accelerate launch`` and
    ``torchrun`` have put into the environment is what trainers find each other by, and is taken out of it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Crew()
    store, rank, size = next(iter(rendezvous("env://", timeout=FOREVER)))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    devices = visible.split(",") if visible else [str(number) for number in range(local + 1)]
    os.environ["CUDA_VISIBLE_DEVICES"] = devices[local % len(devices)]
    for name in OF_THE_LAUNCH:
        os.environ.pop(name, None)
    return Crew(rank, size, store)
