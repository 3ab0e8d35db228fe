"""What a user reads when something goes wrong, and with what code the process leaves."""

import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from detox_cli.__main__ import report
from detox_cli.errors import BadData, DetoxError, ExitCode, QualityLimit
from tests.conftest import Outcome


class GatedRepoError(OSError):
    """Named as the hub's."""


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


class RepositoryNotFoundError(OSError):
    """Named as the hub's."""


ConnectError = type("ConnectError", (OSError,), {"__module__": "httpx2"})


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BadData("no such column", where="pairs.csv:1"), 3, "error: pairs.csv:1: no such column"),
        (QualityLimit("J is below 0.5"), 5, "error: J is below 0.5"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/big/out"),
            1,
            "error: /big/out: the disk is full",
        ),
        (FileNotFoundError(errno.ENOENT, "x", "in.csv"), 3, "error: in.csv: there is no such file"),
        (PermissionError(errno.EACCES, "Permission denied", "in.csv"), 1, "error: in.csv: Permission denied"),
        (ModuleNotFoundError("No module named 'vllm'", name="vllm"), 4, "error: a library is missing"),
        (
            ImportError("cannot import name 'x' from 'y'", name="y"),
            4,
            "error: a library cannot be imported: ca",
        ),
        (ModuleNotFoundError("x", name="detox_cli.x"), 4, "error: this installation of detox lacks a part"),
        (RepositoryNotFoundError("404"), 4, "error: not found on the hub: 404"),
        (ConnectError("refused"), 4, "error: the model hub cannot be reached: refused"),
        (OutOfMemoryError("CUDA out of memory. Tried"), 1, "error: out of memory"),
        (GatedRepoError("Access to model x is restricted"), 4, "error: the model is gated: Access"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), 3, "error: not UTF-8 text (byte 0)"),
        (RuntimeError("\n  something odd\nmore"), 1, "error: RuntimeError: something odd"),
    ],
)
def test_one_line_and_a_code(
    error: Exception, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(line)
    assert len([each for each in told.err.splitlines() if each.startswith("error:")]) == 1
    assert len(told.err.splitlines()) <= 2


def test_the_extra_to_install_is_in_the_hint(capsys: pytest.CaptureFixture[str]) -> None:
    report(ModuleNotFoundError("No module named 'vllm'", name="vllm.entrypoints"))
    assert "hint: pip install 'detox-cli[vllm]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["profile", "chek"], "error: No such command 'chek'. Did you mean 'check'?"),
        (["bart"], "error: No such command 'bart'. Did you mean 'train bart'?"),
        (["profile", "list", "--jsn"], "error: No such option: --jsn"),
        (["profile", "list", "-q", "-v"], "error: --quiet and --verbose exclude each other"),
        (["profile", "show"], "error: Missing argument 'NAME'."),
    ],
)
def test_bad_usage_is_code_2(words: list[str], line: str, detox: Callable[..., Outcome]) -> None:
    outcome = detox(*words)
    assert (outcome.code, outcome.out) == (ExitCode.USAGE, "")
    assert outcome.err.startswith(line)
    assert "Traceback" not in outcome.err


def test_debug_shows_where_it_happened_and_keeps_the_code(detox: Callable[..., Outcome]) -> None:
    outcome = detox("profile", "show", "nope", "--debug")
    assert outcome.code == ExitCode.USAGE
    assert "Traceback" in outcome.err
    assert "error: there is no profile 'nope'" in outcome.err


def test_a_group_alone_shows_its_help(detox: Callable[..., Outcome]) -> None:
    outcome = detox("profile")
    assert outcome.code == ExitCode.USAGE
    assert outcome.err.startswith("Usage: detox profile")


def test_version(detox: Callable[..., Outcome]) -> None:
    from detox_cli import __version__

    assert detox("--version") == Outcome(0, f"detox {__version__}\n", "")


WAITING = """
import sys, time
from detox_cli.__main__ import main
from detox_cli.commands import profile
from detox_cli.commands._shared import command
from detox_cli.settings.base import Section

@command("bake", Section, examples=["detox profile list"], resumable=True)
def wait(settings, progress):
    print("ready", flush=True)
    time.sleep(60)

profile.list_profiles = wait
sys.argv = ["detox", "profile", "list"]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_says_how_to_go_on(number: int, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has told them, and so the command, to ignore Ctrl+C.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "error: stopped" in err
    assert "hint: the same command continues: detox profile list" in err
    assert "Traceback" not in err


def test_a_closed_pipe_is_no_news() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "detox_cli", "profile", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_under_standard_output_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "detox_cli", "profile", "list"]
        run = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == ExitCode.FAILED
    assert run.stderr.startswith("error: the disk is full\n")
    assert "Traceback" not in run.stderr


def test_every_error_has_a_code_of_the_enum() -> None:
    assert {kind.exit_code for kind in DetoxError.__subclasses__()} <= set(ExitCode)
