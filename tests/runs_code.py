"""The trap of the tests about pickles."""

from pathlib import Path
from typing import Any


class RunsCode:
    """Leaves a mark where it is unpickled without care."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return open, (str(self.mark), "w")
