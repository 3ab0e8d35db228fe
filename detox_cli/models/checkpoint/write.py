"""Write an edited copy of a checkpoint: file by file, in place on the copy, a panel at a time."""

from collections.abc import Callable, Iterator
from io import RawIOBase
from pathlib import Path
from typing import Literal

import numpy as np

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.copying import copy_file
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.numbers import SHORT, decode
from detox_cli.models.checkpoint.plan import Plan, Target
from detox_cli.models.checkpoint.tiles import (
    Array,
    Panel,
    panels,
    read_panel,
    stream_vectors,
    write_panel,
)
from detox_cli.models.checkpoint.untie import write_untied_head
from detox_cli.models.edits import edit_vectors
from detox_cli.models.rounding import round_exactly, round_nearest

Rounding = Literal["exact", "nearest"]
Done = Callable[[Target], None]

TILE_NUMBERS = 1 << 20
"""How many numbers are counted with at once: few enough to stay near the processor."""


def write_edited(
    checkpoint: Checkpoint,
    plan: Plan,
    folder: Path,
    *,
    rounding: Rounding = "exact",
    link_untouched: bool = False,
    done: Done = lambda _: None,
) -> list[Path]:
    """Write a copy of a checkpoint with the edits of ``plan`` into an existing, empty folder.

    Header, metadata, number types, index and side files stay as they are, except what untying a head needs.
    Meant to be called inside ``atomic_folder``, which puts the folder in place only when it is complete.

    Args:
        checkpoint: The source; never written to.
        plan: What to do, from ``plan_edits``.
        folder: Where to write.
        rounding: ``exact`` leaves nothing along the directions in bfloat16 and float16, ``nearest`` up to a
            hundredth of what was there.
        link_untouched: Share weight files that stay as they are with the source (hard links), not copy them.
        done: Is told every target that is finished.

    Returns:
        Files of the source folder that were left out: weights in other formats and hidden folders.

    Raises:
        BadData: Weights are not finite, or a file is cut off.
    """
    by_file: dict[Path, list[Target]] = {}
    for target in plan.targets:
        by_file.setdefault(target.stored.file, []).append(target)
    belonging, left_out = checkpoint.side_files()
    index = [Path("model.safetensors.index.json")] if checkpoint.sharded else []
    for path in [*belonging, *index, *map(Path, checkpoint.files)]:
        source, copy = checkpoint.folder / path, folder / path
        targets = by_file.get(source, [])
        weights = str(path) in checkpoint.files  # side files may be written to later: configuration, card
        copy_file(source, copy, link=link_untouched and weights and not targets)
        if targets:
            with copy.open("r+b", buffering=0) as file:
                for target in sorted(targets, key=lambda t: t.stored.start):
                    _edit_tensor(file, target, rounding)
                    done(target)
    if plan.untied_head is not None:
        write_untied_head(checkpoint, plan, folder)
    return left_out


def _edit_tensor(file: RawIOBase, target: Target, rounding: Rounding) -> None:
    for panel in panels(target.stored, target.writer.axis):
        numbers = read_panel(file, target.stored, panel)
        for tile in tiles(numbers, panel):
            tile[...] = _edit_tile(tile, target, rounding)
        write_panel(file, panel, numbers)


def _edit_tile(tile: Array, target: Target, rounding: Rounding) -> Array:
    dtype = target.stored.dtype
    vectors = decode(tile, dtype)
    length = float(np.sqrt(np.vdot(vectors, vectors)))
    vectors, before, wanted = edit_vectors(vectors, target.edit, refine=dtype not in SHORT)
    if not np.isfinite(before).all() or not np.isfinite(length):
        name = target.writer.name
        raise BadData(
            f"{name} holds numbers that are not finite",
            where=str(target.stored.file),
            hint="try --dtype float32 or bfloat16, or a smaller strength",
        )
    if dtype not in SHORT:
        return vectors
    if rounding == "nearest":
        return round_nearest(vectors, dtype)
    basis = target.edit.basis
    usual = length * (basis.shape[1] / basis.shape[0]) ** 0.5
    scale = max(float(np.sqrt(np.vdot(before, before))), usual)
    return round_exactly(vectors, dtype, basis, wanted, scale)


def tiles(numbers: Array, panel: Panel) -> Iterator[Array]:
    """Views ``[d, n]`` of a panel: the vectors of the stream as columns, a cache-sized number at a time."""
    vectors = stream_vectors(numbers, panel)
    step = max(1, TILE_NUMBERS // vectors.shape[0])
    for first in range(0, vectors.shape[1], step):
        yield vectors[:, first : first + step]
