"""Where the shells look for completion scripts. Imports nothing heavy, because `doctor` asks too."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

SHELLS = ("bash", "zsh", "fish")


def install_path(shell: str) -> Path:
    """The user's own place for the script of ``shell``.

    zsh has no such place by itself: its file lies in a folder that the user adds to ``fpath``.
    """
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "bash": data / "bash-completion/completions/detox",
        "zsh": data / "zsh/site-functions/_detox",
        "fish": config / "fish/completions/detox.fish",
    }[shell]


def man_path() -> Path:
    """The user's own place for the man page; `man` looks there if ``~/.local/bin`` is on ``$PATH``."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return data / "man/man1/detox.1"


def installed_shells() -> list[str]:
    """Those of the three shells that this machine has."""
    return [shell for shell in SHELLS if shutil.which(shell)]


def installed_script(shell: str) -> Path | None:
    """The first script that is already in place for ``shell``, written by hand or by a package."""
    return next((path for path in _candidates(shell) if path.is_file()), None)


def _candidates(shell: str) -> Iterator[Path]:
    yield install_path(shell)
    shared = {
        "bash": "bash-completion/completions/detox",
        "zsh": "zsh/site-functions/_detox",
        "fish": "fish/vendor_completions.d/detox.fish",
    }[shell]
    for prefix in (sys.prefix, "/usr/local", "/usr"):
        yield Path(prefix) / "share" / shared
