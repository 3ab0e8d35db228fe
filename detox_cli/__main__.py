"""The ``detox`` command: run the app, turn errors into messages and exit codes."""

import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from detox_cli.errors import DetoxError, ExitCode
from detox_cli.stopping import stop_in_order, stop_no_more


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        stop_in_order()
        code = _run()
        stop_no_more()
    except KeyboardInterrupt:
        stop_no_more()
        code = ExitCode.INTERRUPTED
    # An interruption inside exec of a text, as dataclasses do at import, makes CPython end by SIGINT whatever
    # the exit code is; running a text once more takes that back.
    exec("")
    sys.exit(code)


def _run() -> int:
    from detox_cli.app import app  # here, so that an interruption meets no import before it is listened to

    try:
        _need_streams()
        code = app(prog_name="detox", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _unread()
    except SystemExit as left:
        if not isinstance(left.__context__, BrokenPipeError):
            raise
        return _unread()  # Typer has met it first, and makes it 1
    except Exception as error:
        if os.environ.get("DETOX_DEBUG", "0") not in ("", "0"):
            traceback.print_exception(error)
        return report(error)
    return code or 0


def _need_streams() -> None:
    """A stream that the shell has closed (``>&-``) is ``None``; for eyes it is not needed."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        raise DetoxError("standard output is closed", hint="send it to a file or to /dev/null")


def _unread() -> int:
    """The code that a shell gives to programs that SIGPIPE ends, which tells it from a failure."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return ExitCode.UNREAD


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


if __name__ == "__main__":
    main()
