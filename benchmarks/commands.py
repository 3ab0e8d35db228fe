"""Running commands of `detox` in a folder, and showing what their reports say as Markdown."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def detox(folder: Path, command: str, profile: str = "offline") -> None:
    """Run a command in a folder; one that is done there already does nothing."""
    words = [sys.executable, "-m", "detox_cli", *shlex.split(command), "-q", "--profile", profile]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    print("detox", command, file=sys.stderr, flush=True)
    subprocess.run(words, cwd=folder, check=True, env=environment, stdout=subprocess.DEVNULL)


def read(folder: Path) -> dict[str, Any]:
    """The summary that a command has written."""
    return dict(json.loads((folder / "summary.json").read_text(encoding="utf-8")))


def estimate(one: dict[str, Any]) -> str:
    """A mean, its 95 % interval, and its n."""
    return f"{one['mean']:.3f} [{one['low']:.3f}, {one['high']:.3f}] ({one['n']})"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
