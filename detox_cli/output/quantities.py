"""Numbers as a person says them."""


def duration(seconds: float) -> str:
    """Seconds: ``45 s``, ``12 min``, ``3.5 h``, ``4.2 days``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def size(count: float) -> str:
    """Bytes in decimal units: ``640 B``, ``12 kB``, ``350 MB``, ``2.1 GB``."""
    for factor, unit, digits in ((1e9, "GB", 1), (1e6, "MB", 0), (1e3, "kB", 0)):
        if count >= factor:
            return f"{count / factor:.{digits}f} {unit}"
    return f"{count:.0f} B"


def rate(per_second: float) -> str:
    """Units a second as ``3.2/s``; of slow ones how long each takes, ``45 s each``."""
    return f"{per_second:.3g}/s" if per_second >= 0.1 else f"{duration(1 / per_second)} each"
