"""Completion without Python: scripts for bash, zsh and fish and the man page, from the command tree.

The scripts hold every command, flag, choice and help text. What changes on a machine (profiles, cached
models, files) they find with shell globs, so that pressing Tab never starts Python.
"""

from pathlib import Path

from detox_cli.completion.bash import bash_script
from detox_cli.completion.fish import fish_script
from detox_cli.completion.known import Known, known_names
from detox_cli.completion.man import man_page
from detox_cli.completion.tree import Node, command_tree
from detox_cli.completion.zsh import zsh_script

__all__ = ["FILES", "Known", "Node", "command_tree", "detox_scripts", "install_path", "scripts"]

FILES = {"bash": "detox.bash", "zsh": "_detox", "fish": "detox.fish", "man": "detox.1"}


def scripts(root: Node, known: Known) -> dict[str, str]:
    """The text of every file of ``FILES`` for a command tree."""
    return {
        "bash": bash_script(root, known),
        "zsh": zsh_script(root, known),
        "fish": fish_script(root, known),
        "man": man_page(root),
    }


def detox_scripts() -> dict[str, str]:
    """The scripts of ``detox`` itself; imports every command module."""
    from detox_cli.app import app

    return scripts(command_tree(app), known_names())


def install_path(shell: str, environment: dict[str, str], home: Path) -> Path:
    """Where ``shell`` looks for a user's own completion of ``detox``, without an edit of its start-up file.

    zsh has no such folder: its entry lies in a folder that the user adds to ``fpath``.
    """
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return {
        "bash": data / "bash-completion/completions/detox",
        "zsh": data / "zsh/site-functions/_detox",
        "fish": config / "fish/completions/detox.fish",
    }[shell]
