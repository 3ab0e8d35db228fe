"""The files of weights, one after the other; a killed run goes on after the last whole one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from detox_cli.errors import DetoxError
from detox_cli.models.freed_memory import keep_freed_memory
from detox_cli.models.merging.rounding import Round
from detox_cli.models.merging.write import merge_shard
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import write_errors
from detox_cli.runs.journal import Journal
from detox_cli.runs.output import Claim
from detox_cli.services.merge.prepared import Prepared
from detox_cli.services.merge.unfinished import unfinished_work

WRITING = "writing"
"""The folder in the unfinished one for the file that is being written."""


@contextmanager
def finished_shards(
    merge: Prepared, claim: Claim, threads: int, rounding: Round, progress: Progress
) -> Iterator[Path]:
    """A folder with every file of weights; at the end nothing of it is left.

    What is finished stays for the next run of the same command, unless the input is at fault.

    Raises:
        BadData: Numbers are not finite, or a file is cut off.
        DetoxError: The disk is full.
    """
    with unfinished_work(claim, partial(_whole, merge)) as (folder, journal):
        with write_errors(claim.path):
            folder.mkdir(parents=True, exist_ok=True)
            _write(merge, folder, journal, threads, rounding, progress)
        yield folder


def _write(
    merge: Prepared, folder: Path, journal: Journal, threads: int, rounding: Round, progress: Progress
) -> None:
    keep_freed_memory()
    # Apart from the whole ones: a file has its full size from the start, and an earlier run may have noted
    # another of its name, moved it to the output and been killed there.
    apart = folder / WRITING
    shutil.rmtree(apart, ignore_errors=True)
    apart.mkdir()
    whole = _whole(merge, folder, journal)
    left = [shard for shard in merge.shards if shard.name not in whole]
    _check_room(folder, sum(shard.size for shard in left))
    before = sum(len(shard.tensors) for shard in merge.shards if shard.name in whole)
    with progress.task("tensors", len(merge.plan.jobs), before) as task:
        for shard in left:
            try:
                merge_shard(shard, merge.plan.jobs, apart, threads, rounding, lambda _: task.advance())
            except BaseException:
                (apart / shard.name).unlink(missing_ok=True)
                raise
            _sync(apart / shard.name)
            (apart / shard.name).rename(folder / shard.name)
            journal.append({"shard": shard.name})


def _whole(merge: Prepared, folder: Path, journal: Journal) -> set[str]:
    """The files that an earlier run has finished and that are still there."""
    sizes = {shard.name: shard.size for shard in merge.shards}
    noted = {record["shard"] for record in journal.records()}
    there = {path.name: path.stat().st_size for path in folder.glob("*.safetensors")}
    return {name for name in noted if there.get(name) == sizes.get(name)}


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        wrong = f"the disk is full: {needed / 1e6:,.2f} MB are needed, {free / 1e6:,.2f} MB are free"
        raise DetoxError(wrong, where=str(folder.parent), hint="free some space, or write elsewhere")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
