"""Random numbers by place: the draw of a number depends on seed, tensor, model and index alone.

So a result is the same whatever the order, the block size or the number of threads.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Numbers

PER_COUNTER = 8
"""32-bit draws that one step of the counter gives."""
SHORT_PER_STEP = 4
BYTES_PER_STEP = 8
BYTE = 256


def stream_key(seed: int, tensor: str, model: int) -> int:
    """The key of the draws for one tensor of one model, counted from 0."""
    digest = hashlib.sha256(f"{seed}\0{tensor}\0{model}".encode()).digest()
    return int.from_bytes(digest[:16], "little")


def uniform(key: int, first: int, count: int) -> Numbers:
    """Draws from [0, 1) for the numbers ``first`` to ``first + count - 1``, ``[count]``.

    Philox 4x64 (Salmon et al., SC 2011); 24 bits each, which a float32 holds exactly.
    """
    start, skip = divmod(first, PER_COUNTER)
    raw = np.random.Philox(key=key, counter=start).random_raw((skip + count + 1) // 2)
    bits = raw.astype("<u8", copy=False).view("<u4")[skip : skip + count]
    return (bits >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def short_draws(key: int, first: int, count: int) -> NDArray[np.uint16]:
    """Draws of 16 bits for the numbers ``first`` to ``first + count - 1``, ``[count]``.

    PCG64 DXSM (O'Neill, HMC-CS-2014-0905), which jumps ahead to any place and takes half the time.
    """
    start, skip = divmod(first, SHORT_PER_STEP)
    raw = np.random.PCG64DXSM(key).advance(start).random_raw((skip + count + 3) // SHORT_PER_STEP)
    return raw.astype("<u8", copy=False).view("<u2")[skip : skip + count]


def kept_by_chance(key: int, first: int, count: int, steps: int) -> NDArray[np.bool_]:
    """Whether each of the numbers ``first`` to ``first + count - 1`` is among ``steps`` of 65,536.

    Eight bits of PCG64 DXSM decide all but one in 256 cases; these get eight more, which are mixed from their
    place and the key.
    """
    high, low = divmod(steps, BYTE)
    start, skip = divmod(first, BYTES_PER_STEP)
    raw = np.random.PCG64DXSM(key).advance(start).random_raw((skip + count + 7) // BYTES_PER_STEP)
    draws = raw.astype("<u8", copy=False).view(np.uint8)[skip : skip + count]
    kept: NDArray[np.bool_] = draws < high
    if low:
        open_cases = np.flatnonzero(draws == high)
        kept[open_cases] = _mixed(key, open_cases + first) >> np.uint64(56) < low
    return kept


def _mixed(key: int, places: NDArray[np.intp]) -> NDArray[np.uint64]:
    """64 bits for every place (SplitMix64; Steele, Lea and Flood, OOPSLA 2014)."""
    bits = places.astype(np.uint64)
    bits *= np.uint64(0x9E3779B97F4A7C15)
    bits += np.uint64((key ^ key >> 64) & 0xFFFFFFFFFFFFFFFF)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    return bits
