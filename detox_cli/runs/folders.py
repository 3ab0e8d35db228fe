"""Where things are kept that can be made again."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """``$DETOX_CACHE``, or ``detox`` in the user's cache folder; it need not exist yet."""
    if own := os.environ.get("DETOX_CACHE"):
        return Path(own).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "detox" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "detox"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "detox"
