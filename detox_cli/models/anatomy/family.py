"""How one family is described: names relative to its trunk and to its blocks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from detox_cli.models.anatomy.parts import Kind

Config = Mapping[str, Any]

LINEAR = "linear [out, in]"
CONV1D = "Conv1D [in, out]"
FUSED = "experts [E, out, in]"
FUSED_TRANSPOSED = "experts [E, in, out]"

AXES = {LINEAR: -2, CONV1D: -1, FUSED: -2, FUSED_TRANSPOSED: -1}
"""Where the residual stream is in a weight; in embeddings and biases it is always the last axis."""

DIMENSIONS = {LINEAR: 2, CONV1D: 2, FUSED: 3, FUSED_TRANSPOSED: 3}


@dataclass(frozen=True)
class Site:
    """A module (or parameter) in every block that writes to the stream.

    Attributes:
        name: Relative to the block; ``*`` stands for the number of an expert.
        kind: What it is.
        layout: How its weight lies.
        gains: Norms that its output passes, last one first, relative to the block; a ``?`` marks those that
            not every model of the family has.
        keys: For a down-projection, the names of gate and keys beside it: the same name twice where one
            tensor holds both, only one name where the MLP has no gate.
        parameter: Whether the tensor has no ``.weight`` (fused experts); its bias is then ``NAME_bias``.
    """

    name: str
    kind: Kind
    layout: str = LINEAR
    gains: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    parameter: bool = False

    @property
    def weight(self) -> str:
        """The name of its weight."""
        return self.name if self.parameter else f"{self.name}.weight"

    @property
    def bias(self) -> str:
        """The name that its bias has where it has one."""
        return f"{self.name}_bias" if self.parameter else f"{self.name}.bias"


@dataclass(frozen=True)
class Family:
    """Where a family keeps what.

    Attributes:
        sites: Every residual writer that a block can have.
        blocks: The list of blocks, relative to the trunk.
        embedding: The token embedding, relative to the trunk.
        positions: Learned positions, relative to the trunk, or none.
        embedding_norm: A LayerNorm between embedding and first block.
        norm: The final norm, relative to the trunk.
        heads: Names that the output head has in checkpoints.
        gain_offset: 1 where norms between writer and stream store a difference from one.
        one_per_block: Whether a block is a mixer or an MLP, not both.
        tied: What ``tie_word_embeddings`` is where a configuration does not say.
        refuse: Says why a configuration of this family cannot be edited, or nothing.
        scale: What the token embedding is multiplied by.
        aside: Tensors of the trunk that do not write to the stream.
    """

    sites: tuple[Site, ...]
    blocks: str = "layers"
    embedding: str = "embed_tokens"
    positions: str | None = None
    embedding_norm: str | None = None
    norm: str = "norm"
    heads: tuple[str, ...] = ("lm_head.weight",)
    gain_offset: float = 0.0
    one_per_block: bool = False
    tied: bool = False
    refuse: Callable[[Config], str | None] = lambda _: None
    scale: Callable[[Config], float] = lambda _: 1.0
    aside: tuple[str, ...] = ()

    def but(self, **changes: Any) -> "Family":
        """The same with some things different."""
        return replace(self, **changes)
