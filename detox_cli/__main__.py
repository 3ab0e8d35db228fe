"""The ``detox`` command: run the app, turn errors into messages and exit codes."""

import os
import signal
import sys
import traceback
from types import FrameType

from detox_cli.app import app
from detox_cli.errors import DetoxError, ExitCode


def main() -> None:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = app(prog_name="detox", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        if os.environ.get("DETOX_DEBUG", "0") not in ("", "0"):
            traceback.print_exception(error)
        code = report(error)
    # An interruption inside exec of a text, as dataclasses do at import, makes CPython end by SIGINT whatever
    # the exit code is; running a text once more takes that back.
    exec("")
    sys.exit(code or 0)


def report(error: Exception) -> int:
    """Print one ``error:`` line per problem and one ``hint:`` line; give the exit code."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # type: ignore[attr-defined]
        return ExitCode.USAGE
    if not isinstance(error, DetoxError):
        from detox_cli.explain import explain

        error = explain(error)
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)
    return int(error.exit_code)


def _terminated(number: int, frame: FrameType | None) -> None:
    """Leave through the same door as Ctrl+C, so that files are closed and half-written ones removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
