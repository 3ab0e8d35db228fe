"""The paperwork of runs that were none."""

import time
from pathlib import Path
from typing import Any

from detox_cli.runs.manifest import write_manifest


def write_plain(path: Path, **given: Any) -> Path:
    """A manifest in which nothing stands but what is ``given``."""
    nothing = {"settings": {}, "inputs": [], "models": {}, "scorers": {}, "metrics": {}}
    return write_manifest(path, **{"command": "generate", **nothing, "started": time.time(), **given})
