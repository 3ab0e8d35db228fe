"""What is left along the removed directions, read back from written files."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Kind
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.numbers import SHORT, decode
from detox_cli.models.checkpoint.plan import Plan, Target
from detox_cli.models.checkpoint.tiles import panels, read_panel
from detox_cli.models.checkpoint.write import Rounding, tiles
from detox_cli.models.directions import Floats

LIMITS = {"F64": 1e-6, "F32": 1e-6, "BF16": 1.5e-2, "F16": 3e-3}
EXACT_LIMIT = 1e-5


@dataclass(frozen=True)
class Residue:
    """What an edit left in one tensor, as lengths over all its vectors (Frobenius).

    Attributes:
        name: The tensor.
        kind: What it is.
        block: Its block.
        dtype: Its number type.
        before: The component along the directions, as a share of the whole tensor.
        after: The same in the edited tensor.
        residue: How far the component is from the wanted one, as a share of what was there, or of what a
            random tensor of that length would have there, if that is more.
        change: How far the tensor moved, as a share of its length.
        limit: The largest residue that is allowed, see ``limit_of``.
    """

    name: str
    kind: Kind
    block: int | None
    dtype: str
    before: float
    after: float
    residue: float
    change: float
    limit: float


def measure_residues(
    source: Checkpoint, written: Checkpoint, plan: Plan, rounding: Rounding = "exact"
) -> list[Residue]:
    """Compare every edited tensor of ``written`` with its source.

    Raises:
        BadData: A tensor is missing in the written files or has another shape or type.
    """
    return [_measure(source, written, target, rounding) for target in plan.targets]


def limit_of(dtype: str, rounding: Rounding, basis: Floats) -> float:
    """The largest residue that a tensor may have after ``basis`` ``[d, k]`` was taken out.

    Each of the d numbers of a vector can stay or move to one of two neighbours, which makes 3^d points in k
    dimensions; the nearest of them leaves about 3^(-d/k) of what nearest rounding leaves. That is more than
    the usual limit only for vectors of a few dozen numbers or fewer.
    """
    if rounding == "nearest" or dtype not in SHORT:
        return LIMITS[dtype]
    width, count = basis.shape
    reach: float = LIMITS[dtype] * 3.0 ** (-width / count)
    return max(EXACT_LIMIT, reach)


def beyond_limit(residues: list[Residue]) -> list[Residue]:
    """Those that are left with too much; numbers that are not finite count as too much."""
    return [r for r in residues if not r.residue <= r.limit]


def _measure(source: Checkpoint, written: Checkpoint, target: Target, rounding: Rounding) -> Residue:
    old, new = source.tensors[target.writer.name], written.tensors.get(target.writer.name)
    if new is None or (new.dtype, new.shape) != (old.dtype, old.shape):
        raise BadData(
            f"{old.name} is not there as it was",
            where=str(written.folder),
            hint="name the model that the folder was made from",
        )
    basis = target.edit.basis
    sums = np.zeros(5)
    with old.file.open("rb", buffering=0) as one, new.file.open("rb", buffering=0) as other:
        for here, there in zip(panels(old, target.writer.axis), panels(new, target.writer.axis), strict=True):
            before = read_panel(one, old, here)
            after = read_panel(other, new, there)
            for tile, edited in zip(tiles(before, here), tiles(after, there), strict=True):
                sums += _squares(tile, edited, old.dtype, target)
    was, now, off, length, moved = np.sqrt(sums)
    new_length = length if length > 0 else 1.0
    usual = length * (basis.shape[1] / basis.shape[0]) ** 0.5
    scale = max(was, usual) or 1.0
    return Residue(
        target.writer.name,
        target.writer.kind,
        target.writer.block,
        old.dtype,
        float(was / new_length),
        float(now / new_length),
        float(off / scale),
        float(moved / new_length),
        limit_of(old.dtype, rounding, basis),
    )


def _squares(tile: Any, edited: Any, dtype: str, target: Target) -> Any:
    """Summed squares: component before, after, off the wanted one; length before; change."""
    basis, edit = target.edit.basis, target.edit
    one, other = decode(tile, dtype).astype(np.float64), decode(edited, dtype).astype(np.float64)
    before, after = basis.T @ one, basis.T @ other
    wanted = (1 - edit.strength) * before
    if edit.offset is not None:
        wanted += edit.strength * edit.offset[:, None]
    return np.array([np.vdot(x, x) for x in (before, after, after - wanted, one, other - one)])
