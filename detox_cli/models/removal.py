"""A recipe of what to remove from a model: which directions, how, how strongly, and where."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from detox_cli.errors import BadSettings
from detox_cli.models.anatomy.parts import Anatomy, Writer
from detox_cli.models.directions import Floats
from detox_cli.models.edits import Edit

Mode = Literal["zero", "affine", "projected", "norm-preserving"]
"""How a component is removed.

``zero`` takes it out (Arditi et al., NeurIPS 2024, arXiv 2406.11717); ``affine`` puts it where the negative
set has it (Marshall et al., 2024, arXiv 2411.09003); ``projected`` takes it out after the direction was made
orthogonal to the mean of the negative set; ``norm-preserving`` also lets every vector that a matrix can write
keep its length.
"""

ATTENTION = frozenset({"attention", "mixer"})


@dataclass(frozen=True)
class Removal:
    """What is done to every residual writer of a model.

    Attributes:
        bases: Orthonormal directions ``[n, d, k]``: one basis for the whole model (n = 1), or one per block.
        mode: How a component is removed.
        embedding: Strength at what writes before the first block; 1 removes, 0 leaves.
        attention: Strength per block at attention outputs and state-space mixers, ``[L]``.
        mlp: Strength per block at everything else in it: MLPs, experts, side inputs, ``[L]``.
        offset: Where ``affine`` puts the component, ``[k]``, in the units of the stream.
    """

    bases: Floats
    mode: Mode
    embedding: float
    attention: Floats
    mlp: Floats
    offset: Floats | None = None

    def __post_init__(self) -> None:
        if (self.offset is not None) != (self.mode == "affine"):
            raise ValueError("an offset belongs to the mode affine, and to no other")
        if len(self.bases) not in (1, len(self.mlp)) or len(self.mlp) != len(self.attention):
            raise ValueError(f"{len(self.bases)} bases and {len(self.mlp)} strengths do not fit each other")
        if self.mode == "affine" and (len(self.bases) > 1 or not self.everywhere):
            raise ValueError("affine removal is one direction at strength 1 in the whole model")

    @property
    def everywhere(self) -> bool:
        """Whether nothing in the model writes along the directions any more."""
        return self.embedding == 1 and bool((self.attention == 1).all() and (self.mlp == 1).all())

    def edit(self, writer: Writer, anatomy: Anatomy) -> Edit | None:
        """What is done to a writer, in terms of the residual stream; ``None`` where its strength is 0.

        Raises:
            BadSettings: There is an offset, and nothing in the model that can hold it.
        """
        if self.offset is not None and anatomy.constant is None:
            raise BadSettings(
                f"a {anatomy.family} has no place for a constant before its first block",
                hint="use the mode zero or projected",
            )
        strength = self._strength(writer)
        if strength == 0 or (writer.block is None and len(self.bases) > 1):
            return None
        basis = self.bases[0 if len(self.bases) == 1 else writer.block]
        offset = None
        if self.offset is not None and writer == anatomy.constant:
            # the table is multiplied by the scale on its way, a bias is not
            offset = self.offset if writer.bias else self.offset / anatomy.embedding_scale
        return Edit(basis, strength, self.mode == "norm-preserving", offset)

    def _strength(self, writer: Writer) -> float:
        if writer.block is None:
            return self.embedding
        return float((self.attention if writer.kind in ATTENTION else self.mlp)[writer.block])


def remove_everywhere(
    basis: Floats, layers: int, mode: Mode = "zero", offset: Floats | None = None
) -> Removal:
    """The plain recipe: one basis ``[d, k]`` at strength 1 in everything that writes to the stream."""
    full = np.ones(layers)
    return Removal(basis[None], mode, 1.0, full, full, offset)
