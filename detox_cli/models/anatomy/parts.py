"""The parts of a decoder-only language model that write to, or read from, its residual stream."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["embedding", "positions", "attention", "mixer", "mlp", "expert", "shared_expert", "side_input"]


@dataclass(frozen=True)
class Gain:
    """A norm between a writer and the stream: ``y = (offset + weight) * u / rms(u)``.

    Attributes:
        name: The tensor of the weight, ``[d]``.
        offset: 1 where the weight is stored as a difference from one (Gemma), else 0.
        centred: Whether the norm first takes the mean off (LayerNorm).
    """

    name: str
    offset: float = 0.0
    centred: bool = False


@dataclass(frozen=True)
class Writer:
    """A tensor whose vectors along ``axis`` are added to the residual stream.

    Attributes:
        name: As in the checkpoint, or as in ``state_dict`` where the anatomy is that of a loaded model.
        block: The index of its block; ``None`` before the first block.
        kind: What it is.
        shape: ``[out, in]``, ``[in, out]``, ``[E, out, in]``, ``[E, in, out]``, ``[vocabulary, d]``, ``[d]``
            or ``[E, d]``.
        axis: Where the stream is, -1 or -2; from the table of families, never from the shape.
        bias: Whether it is a bias or a learned constant.
        expert: Which expert of its block, where every expert has its own tensor.
        gains: The norms that its output passes before it is added, the last one first.
    """

    name: str
    block: int | None
    kind: Kind
    shape: tuple[int, ...]
    axis: int
    bias: bool = False
    expert: int | None = None
    gains: tuple[Gain, ...] = ()


@dataclass(frozen=True)
class ValueMatrix:
    """A down-projection: its value vectors, one for each hidden unit, and what makes their coefficients.

    Attributes:
        values: The writer; the value vectors lie along its axis.
        gate: The tensor of the gate, or ``None`` where the MLP has none.
        up: The tensor of the (linear) keys; the same as ``gate`` where one tensor holds both.
    """

    values: Writer
    gate: str | None
    up: str


@dataclass(frozen=True)
class Block:
    """One layer.

    Attributes:
        index: From 0.
        path: The module, for ``model.get_submodule``.
        writers: Everything in it that writes to the stream.
        values: Its down-projections, one for each expert that has its own tensor.
    """

    index: int
    path: str
    writers: tuple[Writer, ...]
    values: tuple[ValueMatrix, ...]


@dataclass(frozen=True)
class Anatomy:
    """Where a model keeps what.

    Attributes:
        family: The model type of its configuration.
        width: The size d of the residual stream.
        trunk: The prefix of everything between embedding and head, such as ``model.``.
        embeddings: What writes to the stream before the first block.
        blocks: All layers in order.
        norm: The stem of the final norm, or ``None`` where it has no weights.
        head: The tensor of the output head, also where it is tied and not stored.
        tied: Whether the head is the token embedding.
        embedding_scale: What the token embedding is multiplied by before the first block.
        beside: Tensors that are no part of this stream: other towers, layers for further tokens.
    """

    family: str
    width: int
    trunk: str
    embeddings: tuple[Writer, ...]
    blocks: tuple[Block, ...]
    norm: str | None
    head: str
    tied: bool
    embedding_scale: float = 1.0
    beside: tuple[str, ...] = field(default=())

    @property
    def writers(self) -> tuple[Writer, ...]:
        """Every writer, from the embeddings to the last block."""
        return (*self.embeddings, *(w for block in self.blocks for w in block.writers))

    @property
    def token_embedding(self) -> Writer | None:
        """The table of the tokens, or ``None`` where only given targets are known."""
        return next((w for w in self.embeddings if w.kind == "embedding" and not w.bias), None)

    @property
    def constant(self) -> Writer | None:
        """Where a constant can be put into the stream before the first block, or ``None``.

        That is the token embedding, a constant in every row; where a norm follows it, the bias of that norm.
        """
        table = self.token_embedding
        if table is None or not table.gains:
            return table
        return next((w for w in self.embeddings if w.kind == "embedding" and w.bias), None)

    def gains(self) -> Iterator[Gain]:
        """Every norm between a writer and the stream, once."""
        yield from dict.fromkeys(gain for writer in self.writers for gain in writer.gains)
