"""Print a script, or write it where the shell finds it without an edit of a start-up file."""

import os
from collections.abc import Sequence
from pathlib import Path

from detox_cli.completion.places import SHELLS, install_path
from detox_cli.completion.scripts import detox_scripts
from detox_cli.errors import BadSettings, DetoxError
from detox_cli.services.result import Result


class Script(Result):
    """A completion script; ``advice`` says what the shell still needs once it is installed."""

    shell: str
    script: str
    advice: Sequence[str] = ()

    def headline(self) -> str:
        """The script itself, so that it can be sourced."""
        return str(self.files[0]) if self.files else self.script.rstrip("\n")

    def next_steps(self) -> list[str]:
        """What is left for the user to do."""
        return list(self.advice)


def completion(shell: str | None, *, install: bool) -> Script:
    """The script for ``shell``, by default the one that ``$SHELL`` names; written if ``install``.

    Raises:
        BadSettings: ``$SHELL`` is none of the three.
        DetoxError: The file cannot be written.
    """
    shell = shell or login_shell()
    script = detox_scripts()[shell]
    if not install:
        return Script(shell=shell, script=script)
    path = install_path(shell)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script, encoding="utf-8")
    except OSError as error:
        raise DetoxError(f"cannot write the script: {error.strerror}", where=str(path)) from error
    return Script(shell=shell, script=script, files=[path], advice=[advice(shell, path)])


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
