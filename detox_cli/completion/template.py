"""The fixed part of each script, kept as a shell file with ``@NAME@`` where the tables go."""

from pathlib import Path

from detox_cli import __version__

FOLDER = Path(__file__).parent / "templates"


def fill(name: str, **parts: str) -> str:
    """The template ``name`` with every ``@PART@`` and the version replaced.

    Raises:
        ValueError: The template has no place for a part.
    """
    text = (FOLDER / name).read_text(encoding="utf-8").replace("@VERSION@", __version__)
    for part, content in parts.items():
        if f"@{part}@" not in text:
            raise ValueError(f"template {name} has no @{part}@")
        text = text.replace(f"@{part}@", content)
    return text
