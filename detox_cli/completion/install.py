"""Print a script; or write it, and the man page, where shell and `man` find them by themselves."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from detox_cli.completion.places import SHELLS, install_path, man_path
from detox_cli.completion.scripts import detox_scripts
from detox_cli.errors import BadSettings, DetoxError
from detox_cli.services.result import ROWS, AtHand, Result, Table

MARK = "Generated from the command tree, do not edit."
"""What a file says that was written from here; any other is left alone."""

PRINT_IT = "check its permissions, or print the script instead: detox completion SHELL"

Change = tuple[Path, Literal["written", "renewed", "there already", "removed", "was not there"]]


class Script(Result):
    """A completion script; ``changes`` are the files that were touched, ``advice`` what is left to do."""

    shell: str
    script: str
    changes: Sequence[Change] = ()
    advice: Sequence[str] = ()

    def tables(self) -> list[Table]:
        """What was done to which file."""
        rows = [[str(path), what] for path, what in self.changes]
        title = f"completion for {self.shell}"
        return [Table(title=title, columns=["file", "what was done"], rows=rows)] if rows else []

    def headline(self) -> str:
        """The script itself, so that it can be sourced; or where it was put."""
        return str(self.changes[0][0]) if self.changes else self.script.rstrip("\n")

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """What is left for the user to do."""
        return list(self.advice)


def completion(shell: str | None, *, install: bool = False, uninstall: bool = False) -> Script:
    """The script for ``shell``, by default the one that ``$SHELL`` names; written if ``install``.

    Raises:
        BadSettings: ``$SHELL`` is none of the three, or both are asked for.
        DetoxError: A file cannot be written, or is somebody else's.
    """
    if install and uninstall:
        raise BadSettings("--install and --uninstall exclude each other", hint="give one of them")
    shell = shell or login_shell()
    made = detox_scripts()
    contents = {install_path(shell): made[shell], man_path(): made["man"]}
    if uninstall:
        return Script(shell=shell, script=made[shell], changes=[_remove(path) for path in contents])
    if not install:
        return Script(shell=shell, script=made[shell])
    changes = [_write(path, text) for path, text in contents.items()]
    return Script(
        shell=shell, script=made[shell], changes=changes, advice=[advice(shell, install_path(shell))]
    )


def _write(path: Path, text: str) -> Change:
    try:
        before = _ours(path)
        if before == text:
            return path, "there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DetoxError(
            f"cannot write the script: {error.strerror}", where=str(path), hint=PRINT_IT
        ) from error
    return path, "written" if before is None else "renewed"


def _remove(path: Path) -> Change:
    try:
        if _ours(path) is None:
            return path, "was not there"
        path.unlink()
    except OSError as error:
        raise DetoxError(
            f"cannot remove the script: {error.strerror}", where=str(path), hint="check its permissions"
        ) from error
    return path, "removed"


def _ours(path: Path) -> str | None:
    """What is in a file that was written from here; ``None`` if there is none."""
    if not path.exists():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    if MARK not in text[:1000]:
        raise DetoxError(
            "is there, and was not written by detox", where=str(path), hint="move it away, then try again"
        )
    return text


def login_shell() -> str:
    """The shell that ``$SHELL`` names.

    Raises:
        BadSettings: It names none of bash, zsh and fish.
    """
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise BadSettings(
            f"$SHELL is {name or 'not set'}, for which there is no completion",
            hint=f"name one: detox completion {'|'.join(SHELLS)}",
        )
    return name


def advice(shell: str, path: Path) -> str:
    """What a user must do before the script at ``path`` works."""
    return {
        "bash": f"open a new bash; if it has no bash-completion package, add `. {path}` to ~/.bashrc",
        "zsh": f"put `fpath=({path.parent} $fpath)` before `compinit` in ~/.zshrc, unless it is there",
        "fish": "open a new fish",
    }[shell]
