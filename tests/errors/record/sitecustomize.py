"""Notes which calls make errors: in this process, and in every Python below it that finds this file first.

It is named as Python's own hook, so that commands which the tests start note theirs too; it imports
nothing that ``detox --help`` would not.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

FILE = "RAISED_ERRORS_FILE"
"""The environment variable that names the file: a line ``[module, line, column, message, hint]`` each."""


def watch(file: Path) -> None:
    """Note from now on, here and in processes that are started, every place that makes a ``DetoxError``."""
    here = str(Path(__file__).parent)
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([here, *(each for each in others if each not in ("", here))])
    os.environ[FILE] = str(file)
    _note_errors(file)


def _note_errors(file: Path) -> None:
    from detox_cli.errors import DetoxError

    plain, seen = DetoxError.__init__, set()

    def made(self, *words, **named):
        plain(self, *words, **named)
        place = _caller(sys._getframe(1), type(self).__mro__)
        if place not in seen:
            seen.add(place)
            line = json.dumps([*place, str(self), self.hint])
            with file.open("a", encoding="utf-8", errors="backslashreplace") as notes:
                notes.write(line + "\n")

    DetoxError.__init__ = made


def _caller(frame, kinds) -> tuple[str, int, int]:
    """Module, line and column of the call that makes the error, past its own class."""
    own = {kind.__module__ for kind in kinds}
    while frame.f_globals.get("__name__") in own and frame.f_code.co_name in ("__init__", "several"):
        frame = frame.f_back
    line, _, column, _ = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    module = frame.f_globals.get("__spec__")  # a module that is run calls itself __main__
    return getattr(module, "name", "?"), line or frame.f_lineno, column or 0


if __name__ == "sitecustomize" and FILE in os.environ:
    with suppress(ImportError):  # a Python that knows nothing of this project
        _note_errors(Path(os.environ[FILE]))
