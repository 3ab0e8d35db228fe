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
