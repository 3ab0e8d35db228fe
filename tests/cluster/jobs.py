"""Work for actors, in a module that they can import."""

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from detox_cli.errors import BadData


def dies_once(marker: Path) -> None:
    """Kill this process the first time that any process comes by here."""
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def load_mortal(folder: str, marker: Path, warn: Any) -> Any:
    """An engine one of which is killed in the middle of a batch."""
    from detox_cli.generation.load import load_engine
    from detox_cli.models.sources import find_model

    engine = load_engine(find_model(folder), device="cpu", batch_tokens=96)
    formed = engine.plan

    def plan(requests: Any, sampling: Any) -> Any:
        plan = formed(requests, sampling)

        def answer(part: Any, done: Any) -> Any:
            for completion in plan.answer(part, done):
                dies_once(marker)
                yield completion

        return replace(plan, answer=answer)

    engine.plan = plan
    warn("an engine is there")
    return engine


@dataclass(frozen=True)
class Broken:
    """A job that fails: when it is opened, or at its second share."""

    at_once: bool

    def open(self, warn: Any) -> "Broken":
        """Fail, or not."""
        if self.at_once:
            raise BadData("nothing in it", where="model/x.safetensors", hint="fetch it again")
        return self

    identity: ClassVar[dict[str, str]] = {"engine": "broken"}

    def answer(self, share: int) -> list[int]:
        """Fail at the second share."""
        if share:
            raise BadData("half of a row", where="row 7")
        return [share]


@dataclass(frozen=True)
class Different:
    """A job whose actors compute otherwise."""

    def open(self, warn: Any) -> "Different":
        """There is nothing to load."""
        return self

    @property
    def identity(self) -> dict[str, str]:
        """Another one in every process."""
        return {"device": f"cpu {os.getpid()}"}

    def answer(self, share: int) -> list[int]:
        """Nothing."""
        return [share]


@dataclass(frozen=True)
class Deadly:
    """A job that kills every actor."""

    def open(self, warn: Any) -> "Deadly":
        """There is nothing to load."""
        return self

    identity: ClassVar[dict[str, str]] = {"engine": "deadly"}

    def answer(self, share: int) -> list[int]:
        """The end."""
        os.kill(os.getpid(), signal.SIGKILL)
        return []
