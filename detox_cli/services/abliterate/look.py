"""What ``--dry-run`` says: which tensors would be edited, and what may be left of the directions in them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import Field

from detox_cli.errors import Missing
from detox_cli.models.checkpoint.dequantise import quantisation_of, target_dtype
from detox_cli.models.checkpoint.folder import Checkpoint, open_checkpoint
from detox_cli.models.checkpoint.plan import Plan, plan_edits
from detox_cli.models.checkpoint.quantised import idle_tensors, packed_weights
from detox_cli.models.checkpoint.residue import limit_of
from detox_cli.models.direction_file import read_directions
from detox_cli.models.pickled import only_pickled
from detox_cli.models.removal import Removal
from detox_cli.models.snapshot import local_folder
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.services.abliterate.check import check, direction_file
from detox_cli.services.abliterate.recipe import removal_of
from detox_cli.services.result import Cell, Result, Table
from detox_cli.settings.abliterate import AbliterateSettings


class EditPlan(Result):
    """The tensors that would be edited."""

    model: str
    notes: list[str] = Field(description="What would be done before, and what is not known yet.")
    tensors: list[tuple[str, str, int, str, int, float]] = Field(
        description="Name, kind, directions, number type, bytes, and the largest residue that is allowed."
    )
    kept: dict[str, str] = Field(description="Tensors that write to the stream and stay, with the reason.")

    def tables(self) -> list[Table]:
        """Every tensor, and those that stay."""
        columns = ["tensor", "kind", "directions", "type", "bytes", "residue at most"]
        total = sum(tensor[4] for tensor in self.tensors)
        caption = "; ".join([f"{len(self.tensors)} tensors, {total / 1e6:,.1f} MB", *self.notes])
        edited = Table(title=f"Edit of {self.model}", columns=columns, rows=self.tensors, caption=caption)
        kept: list[list[Cell]] = [[name, reason] for name, reason in self.kept.items()]
        return [edited, *([Table(title="Left", columns=["tensor", "why"], rows=kept)] if kept else [])]

    def headline(self) -> str:
        """How much would be edited."""
        return f"{len(self.tensors)} tensors"


def look(settings: AbliterateSettings, progress: Progress) -> EditPlan:
    """List what would be edited, from the headers of the files alone.

    Raises:
        BadData: The files are damaged, of an unknown family, or quantised in a way that cannot be undone.
    """
    check(settings)
    source = find_model(settings.model, settings.revision, may_be_pickled=True)
    try:
        folder = local_folder(source, fetch=False)
    except Missing:
        return EditPlan(model=source.name, notes=["its files are not here yet"], tensors=[], kept={})
    if only_pickled(folder):
        note = "its weights are pickled; they are written as safetensors first, and are not looked at before"
        return EditPlan(model=source.name, notes=[note], tensors=[], kept={})
    checkpoint, notes = _opened(folder)
    plan = _plan(checkpoint, settings)
    rows: list[tuple[str, str, int, str, int, float]] = [
        (
            target.writer.name,
            target.writer.kind,
            target.edit.basis.shape[1],
            target.stored.dtype,
            target.stored.size,
            limit_of(target.stored.dtype, settings.rounding, target.edit.basis),
        )
        for target in plan.targets
    ]
    kept = {writer.name: reason for writer, reason in plan.kept}
    return EditPlan(model=source.name, notes=notes, tensors=rows, kept=kept)


def _opened(folder: Path) -> tuple[Checkpoint, list[str]]:
    """The checkpoint as it will be when it is edited, and what has to be done for that."""
    checkpoint = open_checkpoint(folder, may_be_quantised=True)
    found = quantisation_of(checkpoint.config)
    if not found:
        return checkpoint, []
    packed = packed_weights(checkpoint.tensors, found)
    dtype = target_dtype(checkpoint.config)
    gone = {name for weight in packed.values() for name in weight.helpers} | idle_tensors(checkpoint.tensors)
    item = 4 if dtype == "F32" else 2
    tensors = {
        name: replace(
            stored, dtype=dtype, shape=packed[name].shape, size=item * int(np.prod(packed[name].shape))
        )
        if name in packed
        else stored
        for name, stored in checkpoint.tensors.items()
        if name not in gone
    }
    method = found.get("quant_method", "bitsandbytes")
    return replace(checkpoint, tensors=tensors), [f"quantised ({method}): a plain copy is made first"]


def _plan(checkpoint: Checkpoint, settings: AbliterateSettings) -> Plan:
    anatomy = checkpoint.anatomy(settings.targets)
    removal: Removal | None = None
    if (file := direction_file(settings.direction)) is not None:
        directions = read_directions(file)
        directions.measured.check_fits(anatomy)
        removal = directions.removal
    if removal is None:
        any_direction = np.full((1, anatomy.width, 1), anatomy.width**-0.5)
        offset = np.zeros(1) if settings.mode[0] == "affine" else None
        removal = removal_of(any_direction, settings, len(anatomy.blocks), offset)
    recipe = removal
    return plan_edits(checkpoint, anatomy, lambda writer: recipe.edit(writer, anatomy), settings.tied)
