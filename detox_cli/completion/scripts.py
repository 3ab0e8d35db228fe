"""All the files that are made from the command tree."""

from detox_cli.completion.bash import bash_script
from detox_cli.completion.fish import fish_script
from detox_cli.completion.known import Known, known_names
from detox_cli.completion.man import man_page
from detox_cli.completion.reference import reference
from detox_cli.completion.tree import Node, command_tree
from detox_cli.completion.zsh import zsh_script

FILES = {
    "bash": "completions/detox.bash",
    "zsh": "completions/_detox",
    "fish": "completions/detox.fish",
    "man": "completions/detox.1",
    "reference": "docs/cli.md",
    "gallery": "docs/profiles.md",
}
"""Where the files lie in a checkout."""


def scripts(root: Node, known: Known) -> dict[str, str]:
    """The text of every file of ``FILES`` that a command tree decides."""
    return {
        "bash": bash_script(root, known),
        "zsh": zsh_script(root, known),
        "fish": fish_script(root, known),
        "man": man_page(root),
        "reference": reference(root),
    }


def detox_scripts() -> dict[str, str]:
    """Every file of ``FILES``, of ``detox`` itself; imports every command module."""
    from detox_cli.app import app
    from detox_cli.completion.gallery import gallery

    return {**scripts(command_tree(app), known_names()), "gallery": gallery()}
