"""Write the files of ``completions/``: ``python -m detox_cli.completion --write [FOLDER]``."""

import sys
from pathlib import Path

from detox_cli.completion.scripts import FILES, detox_scripts


def main(words: list[str]) -> int:
    """Write every script into the folder, ``completions`` by default."""
    if not words or words[0] != "--write" or len(words) > 2:
        print("usage: python -m detox_cli.completion --write [FOLDER]", file=sys.stderr)
        return 2
    folder = Path(words[1] if len(words) == 2 else "completions")
    folder.mkdir(parents=True, exist_ok=True)
    for kind, text in detox_scripts().items():
        (folder / FILES[kind]).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
