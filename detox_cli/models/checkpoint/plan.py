"""Which tensors of a checkpoint will be edited, and how; nothing is written."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.anatomy.parts import Anatomy, Gain, Writer
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.header import Stored
from detox_cli.models.checkpoint.numbers import decode, storage_of
from detox_cli.models.directions import Floats, through_gains
from detox_cli.models.edits import Edit

Tied = Literal["skip", "untie", "edit"]
"""What to do with a token embedding that is the output head too.

``skip`` leaves both, ``untie`` edits the embedding and stores the head as a tensor of its own, ``edit``
changes both.
"""

TIED = "it is the output head too"
"""Why a token embedding is kept that is tied and not to be edited."""

Choose = Callable[[Writer], Edit | None]
"""What to do to a writer, in terms of the residual stream; ``None`` leaves it as it is."""


@dataclass(frozen=True)
class Target:
    """A tensor to edit.

    Attributes:
        writer: What it is.
        stored: Where it is.
        edit: What is done to its vectors, in its own space: before the norms that its output passes.
    """

    writer: Writer
    stored: Stored
    edit: Edit


@dataclass(frozen=True)
class Plan:
    """What will be done to a checkpoint.

    Attributes:
        targets: The tensors to edit.
        kept: Writers that stay as they are, with the reason.
        untied_head: The name of the head to store beside its embedding, or ``None``.
    """

    targets: tuple[Target, ...]
    kept: tuple[tuple[Writer, str], ...]
    untied_head: str | None = None

    @property
    def bytes_edited(self) -> int:
        """The size of everything that is edited."""
        return sum(target.stored.size for target in self.targets)


def plan_edits(checkpoint: Checkpoint, anatomy: Anatomy, choose: Choose, tied: Tied = "skip") -> Plan:
    """Decide for every residual writer what is done to it.

    Raises:
        BadData: A tensor is stored in a type that cannot be edited.
        BadSettings: Nothing would be edited, or an edit does not fit its tensor.
    """
    gains = {gain: _read_gain(checkpoint, gain) for gain in anatomy.gains()}
    targets: list[Target] = []
    kept: list[tuple[Writer, str]] = []
    puts_offset = False
    for writer in anatomy.writers:
        edit = choose(writer)
        puts_offset |= edit is not None and edit.offset is not None
        if edit is None:
            kept.append((writer, "not chosen"))
        elif writer == anatomy.token_embedding and anatomy.tied and tied == "skip":
            kept.append((writer, TIED))
        else:
            through = [(gains[gain], gain.centred) for gain in writer.gains]
            targets.append(_target(checkpoint, writer, edit, through))
    if puts_offset and any(why == TIED for _, why in kept):
        raise BadSettings(
            "affine removal changes the token embedding, which is the output head too",
            where="--tied",
            hint="untie the head (--tied untie) or edit both (--tied edit)",
        )
    if not targets:
        raise BadSettings("nothing would be edited", hint="choose layers, or a strength other than 0")
    untie = tied == "untie" and anatomy.tied and any(t.writer == anatomy.token_embedding for t in targets)
    return Plan(tuple(targets), tuple(kept), anatomy.head if untie else None)


def _target(checkpoint: Checkpoint, writer: Writer, edit: Edit, gains: list[tuple[Floats, bool]]) -> Target:
    stored = checkpoint.tensors[writer.name]
    storage_of(stored.dtype, f"{stored.file.name}: {writer.name}")
    if edit.offset is not None and (writer.kind != "embedding" or gains):
        raise ValueError("an offset goes into a token embedding, or into the bias of the norm after it")
    edit = replace(edit, basis=through_gains(edit.basis, gains))
    if writer.bias and edit.keep_norms:
        edit = replace(edit, keep_norms=False)  # a bias is one vector, its length means nothing by itself
    return Target(writer, stored, edit)


def _read_gain(checkpoint: Checkpoint, gain: Gain) -> Floats:
    """The factors ``[d]`` of a norm."""
    stored = checkpoint.tensors[gain.name]
    storage = storage_of(stored.dtype, gain.name)
    with stored.file.open("rb") as file:
        file.seek(stored.start)
        raw = np.frombuffer(file.read(stored.size), dtype=storage)
    factors = gain.offset + decode(raw, stored.dtype).astype(np.float64)
    if not np.isfinite(factors).all():
        raise BadData(
            f"{gain.name} holds numbers that are not finite",
            where=str(stored.file),
            hint="fetch or copy the model again",
        )
    return factors
