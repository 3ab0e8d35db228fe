"""Merge into files: tensors side by side where they are small, stripes of one tensor where it is large."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.header import Stored
from detox_cli.models.checkpoint.numbers import storage_of
from detox_cli.models.merging.block import matrix_shape
from detox_cli.models.merging.layout import Shard
from detox_cli.models.merging.method import Survey
from detox_cli.models.merging.recipe import DTYPES
from detox_cli.models.merging.rounding import Round, overflown
from detox_cli.models.merging.tensor import Job, Range, Run, Stripe, survey
from detox_cli.models.merging.write_behind import WriteBehind

Item = TypeVar("Item")
Result = TypeVar("Result")

NAMES = {stored: name for name, stored in DTYPES.items()}
LARGE = 1 << 22
"""From this many numbers on, threads share a tensor."""


def merge_shard(
    shard: Shard,
    jobs: Mapping[str, Job],
    folder: Path,
    threads: int,
    rounding: Round,
    done: Callable[[Stored], None],
) -> None:
    """Write one file of a merged model.

    The bytes depend on the jobs alone, not on ``threads``.

    Args:
        shard: The file.
        jobs: How each of its tensors is made.
        folder: Where to write.
        threads: How many work at a time.
        rounding: How merged numbers become stored ones.
        done: Is told every tensor that is finished.
    """
    file = os.open(folder / shard.name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        if hasattr(os, "posix_fallocate"):  # a full disk is found now, not in the middle
            os.posix_fallocate(file, 0, shard.size)
        os.pwrite(file, shard.header, 0)
        output = WriteBehind(file)
        large = [t for t in shard.tensors if np.prod(t.shape, dtype=np.int64) >= LARGE]
        small = [t for t in shard.tensors if t not in large]
        with ThreadPoolExecutor(threads) as pool:
            side_by_side = partial(_in_order, pool, 2 * threads)
            for tensor in large:
                _merge_tensor(output, tensor, jobs[tensor.name], side_by_side, rounding)
                done(tensor)

            def one(tensor: Stored) -> Stored:
                _merge_tensor(output, tensor, jobs[tensor.name], map, rounding)
                return tensor

            for tensor in side_by_side(one, small):
                done(tensor)
    finally:
        os.close(file)


def _merge_tensor(output: WriteBehind, tensor: Stored, job: Job, run: Run, rounding: Round) -> None:
    found = survey(job, run)
    for _ in run(partial(_merge_stripe, output, tensor, job, found, rounding), job.stripes):
        pass


def stored_block(
    job: Job, number: int, rows: Range, found: Survey, dtype: str, rounding: Round
) -> NDArray[Any]:
    """A merged block as it is stored.

    Raises:
        BadData: Numbers are not finite, or too large for the stored type.
    """
    first = rows[0] * matrix_shape(job.shape)[1]
    numbers = rounding(job.sure(job.merged(number, rows, found)), dtype, job.tensor, first)
    if overflown(numbers, dtype):
        wrong = f"the merged {job.tensor} holds numbers too large for {NAMES[dtype]}"
        raise BadData(wrong, where="--dtype", hint="write float32")
    return numbers


def _merge_stripe(
    output: WriteBehind, tensor: Stored, job: Job, found: Survey, rounding: Round, stripe: Stripe
) -> None:
    _, columns = matrix_shape(job.shape)
    item = storage_of(tensor.dtype, tensor.name).itemsize
    for number, rows in stripe:
        numbers = stored_block(job, number, rows, found, tensor.dtype, rounding)
        end = output.write(numbers, tensor.start + rows[0] * columns * item)
    output.whole(tensor.start + stripe[0][1][0] * columns * item, end)


def _in_order(
    pool: ThreadPoolExecutor, ahead: int, work: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[Result]:
    """Like ``pool.map``, with at most ``ahead`` results waiting, so that memory stays bounded."""
    left = iter(items)
    waiting: list[Future[Result]] = [pool.submit(work, item) for item in islice(left, ahead)]
    while waiting:
        result = waiting.pop(0).result()
        waiting.extend(pool.submit(work, item) for item in islice(left, 1))
        yield result
