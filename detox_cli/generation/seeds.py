"""Seeds that belong to a row, so that a row's output does not depend on what else is asked for."""

import hashlib


def row_seed(seed: int, *parts: str | int) -> int:
    """A 63-bit seed from the run's ``seed`` and what identifies the row (its text, the attempt)."""
    digest = hashlib.sha256("\x1f".join(map(str, (seed, *parts))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def short_seed(seed: int) -> int:
    """The same seed in 31 bits, as servers and vLLM take it; sample ``i`` of a row adds ``i``."""
    return seed & 0x7FFF_FFFF
