"""Changed coefficients folded into a checkpoint: value vectors scaled, and constants put into biases."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from io import RawIOBase
from pathlib import Path

import numpy as np

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.anatomy.parts import Anatomy, Writer
from detox_cli.models.checkpoint.copying import copy_file
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.header import Stored
from detox_cli.models.checkpoint.numbers import decode, encode, storage_of
from detox_cli.models.checkpoint.tiles import panels, read_panel, stream_vectors, write_panel
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.parts import OTHER, Neuron


@dataclass
class Fold:
    """What is done to one down-projection.

    Attributes:
        stored: Where it is.
        writer: What it is.
        changes: For each number of a value vector: what its coefficient is multiplied by, and what is added.
        bias: Where its bias is, or ``None``.
    """

    stored: Stored
    writer: Writer
    changes: dict[int, tuple[float, float]] = field(default_factory=dict)
    bias: Stored | None = None


def plan_folds(
    checkpoint: Checkpoint,
    anatomy: Anatomy,
    neurons: Sequence[Neuron],
    factors: Sequence[float],
    offsets: Sequence[float],
) -> list[Fold]:
    """Where coefficients ``factor * c + offset`` go: the factor into the vector, the rest into the bias.

    Neurons are numbered as in a loaded model, through all down-projections of a block.

    Raises:
        BadData: There is no such neuron, or the weights cannot be edited.
        BadSettings: An offset has no bias to go into, or experts have tensors of their own.
    """
    found: dict[str, Fold] = {}
    for (layer, number), factor, offset in zip(neurons, factors, offsets, strict=True):
        writer, place = _writer(anatomy, layer, number)
        stored = checkpoint.tensors[writer.name]
        storage_of(stored.dtype, f"{stored.file.name}: {writer.name}")
        fold = found.setdefault(writer.name, Fold(stored, writer))
        fold.changes[place] = (factor, offset)
        if offset != 0:
            fold.bias = _bias(checkpoint, writer)
    return list(found.values())


def write_folded(
    checkpoint: Checkpoint,
    folds: Sequence[Fold],
    folder: Path,
    leave_out: Collection[str] = (),
    done: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Write a copy of a checkpoint with its coefficients changed into an existing, empty folder.

    Args:
        checkpoint: The source; never written to.
        folds: What to do, from ``plan_folds``.
        folder: Where to write.
        leave_out: Names of files and folders beside the weights that are not true of another model.
        done: Is told when a tensor is finished.

    Returns:
        Files of the source folder that were left out, as in ``write_edited``.

    Raises:
        BadData: Numbers are not finite, or a file is cut off.
    """
    belonging, left_out = checkpoint.side_files()
    index = [Path("model.safetensors.index.json")] if checkpoint.sharded else []
    belonging = [path for path in belonging if path.parts[0] not in leave_out]
    for path in [*belonging, *index, *map(Path, checkpoint.files)]:
        copy_file(checkpoint.folder / path, folder / path)
    for fold in folds:
        copy = folder / fold.stored.file.relative_to(checkpoint.folder)
        with copy.open("r+b", buffering=0) as file:
            constant = _scale_rows(file, fold)
        if fold.bias is not None:
            with (folder / fold.bias.file.relative_to(checkpoint.folder)).open("r+b", buffering=0) as file:
                _add(file, fold.bias, constant)
        done()
    return left_out


def _writer(anatomy: Anatomy, layer: int, number: int) -> tuple[Writer, int]:
    """The down-projection that holds a neuron, and its place there."""
    first = 0
    for matrix in anatomy.blocks[layer].values if 0 <= layer < len(anatomy.blocks) else ():
        writer = matrix.values
        if writer.expert is not None:
            raise BadSettings(
                f"layer {layer} keeps each expert in tensors of its own, which cannot be folded into here",
                where="--bake",
                hint="leave --bake out",
            )
        size = writer.shape[-1] if writer.axis == -2 else writer.shape[-2]
        size *= writer.shape[0] if len(writer.shape) == 3 else 1
        if number < first + size:
            return writer, number - first
        first += size
    raise BadData(f"layer {layer} has no neuron {number}", hint=OTHER)


def _bias(checkpoint: Checkpoint, writer: Writer) -> Stored:
    name = writer.name.removesuffix("weight") + "bias"
    if len(writer.shape) != 2 or name not in checkpoint.tensors:
        raise BadSettings(
            f"{writer.name} has no bias that could hold a constant",
            where="--bake",
            hint="bake scale or zero, which need none; or leave --bake out",
        )
    return checkpoint.tensors[name]


def _scale_rows(file: RawIOBase, fold: Fold) -> Floats:
    """Multiply value vectors in a file, and give the sum of offset times vector as it was, ``[d]``."""
    stored, constant, first = fold.stored, None, 0
    for panel in panels(stored, fold.writer.axis):
        numbers = read_panel(file, stored, panel)
        vectors = stream_vectors(numbers, panel)
        here = [place for place in sorted(fold.changes) if first <= place < first + vectors.shape[1]]
        if here:
            columns = [place - first for place in here]
            changes = np.array([fold.changes[place] for place in here])
            was = decode(np.ascontiguousarray(vectors[:, columns].T), stored.dtype)
            if not np.isfinite(was).all():
                raise BadData(
                    f"{stored.name} holds numbers that are not finite",
                    where=str(stored.file),
                    hint="fetch or copy the model again",
                )
            added = changes[:, 1] @ was.astype(np.float64)
            constant = added if constant is None else constant + added
            new = (was * changes[:, :1]).astype(was.dtype)
            vectors[:, columns] = encode(np.ascontiguousarray(new), stored.dtype).T
            write_panel(file, panel, numbers)
        first += vectors.shape[1]
    if constant is None:
        raise ValueError(f"none of the neurons is in {stored.name}")
    return constant


def _add(file: RawIOBase, bias: Stored, constant: Floats) -> None:
    (panel,) = panels(bias, -1)
    numbers = read_panel(file, bias, panel)
    new = decode(numbers, bias.dtype) + constant.reshape(numbers.shape)
    numbers[...] = encode(np.ascontiguousarray(new.astype(decode(numbers, bias.dtype).dtype)), bias.dtype)
    write_panel(file, panel, numbers)
