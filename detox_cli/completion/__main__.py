"""Write ``completions/``, ``docs/cli.md`` and ``docs/profiles.md`` anew.

``python -m detox_cli.completion --write [CHECKOUT]``
"""

import sys
from pathlib import Path

from detox_cli.completion.scripts import FILES, detox_scripts


def main(words: list[str]) -> int:
    """Write every file into the checkout, by default the current folder."""
    if not words or words[0] != "--write" or len(words) > 2:
        print("usage: python -m detox_cli.completion --write [CHECKOUT]", file=sys.stderr)
        return 2
    for kind, text in detox_scripts().items():
        path = Path(*words[1:]) / FILES[kind]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
