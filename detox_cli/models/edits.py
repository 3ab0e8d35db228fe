"""What can be done to vectors of the residual stream: remove directions, in part or whole, and keep norms."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadSettings
from detox_cli.models.directions import Floats

Array = NDArray[Any]


@dataclass(frozen=True)
class Edit:
    """What is done to every vector w that a tensor can write.

    With C = R^T w, the component becomes ``(1 - strength) C + strength * offset``; the rest stays, or is
    stretched so that w keeps its length.

    Attributes:
        basis: Orthonormal directions R, ``[d, k]``.
        strength: 1 removes, 0 does nothing, above 1 turns the component round.
        keep_norms: Stretch what is left to the length that w had; exact for every strength from 0 to 2.
        offset: Where to put the component instead of zero, ``[k]`` (affine removal, arXiv 2411.09003).
    """

    basis: Floats
    strength: float = 1.0
    keep_norms: bool = False
    offset: Floats | None = None

    def __post_init__(self) -> None:
        if self.keep_norms and not 0 <= self.strength <= 2:
            raise BadSettings(
                f"norms can be kept for strengths from 0 to 2, not for {self.strength:g}",
                hint="choose another strength, or the mode zero or projected",
            )
        if self.keep_norms and self.offset is not None:
            raise ValueError("norms cannot be kept while an offset is added")


def edit_vectors(vectors: Array, edit: Edit, refine: bool = False) -> tuple[Array, Array, Array]:
    """Edit vectors ``[d, n]`` (in any memory order) in place.

    Args:
        vectors: One vector of the stream in every column.
        edit: What to do.
        refine: Go over the component a second time, so that rounding in the arithmetic leaves less.

    Returns:
        The vectors, the components before, and those that they now should have, both ``[k, n]``.
    """
    basis = edit.basis.astype(vectors.dtype)
    before = basis.T @ vectors
    wanted = (1 - edit.strength) * before
    if edit.offset is not None:
        wanted += edit.strength * edit.offset[:, None].astype(vectors.dtype)
    squares = np.einsum("dn,dn->n", vectors, vectors) if edit.keep_norms else None
    vectors -= _spread(basis, before - wanted, vectors)
    if squares is not None:
        _stretch(vectors, basis, squares, before, wanted)
    if refine:
        vectors -= _spread(basis, basis.T @ vectors - wanted, vectors)
    return vectors, before, wanted


def _stretch(vectors: Array, basis: Array, squares: Array, before: Array, wanted: Array) -> None:
    """Stretch what is orthogonal to the basis until every column has the length that it had."""
    rest = squares - (before**2).sum(axis=0)
    room = squares - (wanted**2).sum(axis=0)
    nothing = rest <= 1e-12 * squares
    factor = np.sqrt(np.where(nothing, 1, room) / np.where(nothing, 1, rest))
    vectors *= factor
    if wanted.any():
        vectors += _spread(basis, (1 - factor) * wanted, vectors)


def _spread(basis: Array, components: Array, like: Array) -> Array:
    """``basis @ components`` in the memory order of ``like``, where adding it is fast."""
    by_columns = like.strides[0] < like.strides[-1]
    one, other = (components.T, basis.T) if by_columns else (basis, components)
    product = one * other if basis.shape[1] == 1 else one @ other
    return product.T if by_columns else product
