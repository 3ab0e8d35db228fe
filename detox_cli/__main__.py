"""The ``detox`` command: run the app, turn errors into messages and exit codes."""

import os
import signal
import sys
from types import FrameType

from detox_cli.app import app
from detox_cli.errors import DetoxError, Interrupted


def main() -> None:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app(prog_name="detox")
    except Exception as error:
        if os.environ.get("DETOX_DEBUG", "0") not in ("", "0"):
            raise
        sys.exit(report(error))


def report(error: Exception) -> int:
    """Print one ``error:`` line per problem and one ``hint:`` line; give the exit code."""
    if not isinstance(error, DetoxError):
        from detox_cli.explain import explain

        error = explain(error)
    assert isinstance(error, DetoxError)
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr)
    if error.hint:
        print(f"hint: {error.hint}", file=sys.stderr)
    return int(error.exit_code)


def _terminated(number: int, frame: FrameType | None) -> None:
    """Leave through the same door as Ctrl+C, so that files are closed and half-written ones removed."""
    raise Interrupted("stopped by SIGTERM", hint="the same command line starts again or continues")


if __name__ == "__main__":
    main()
