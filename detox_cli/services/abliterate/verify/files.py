"""What is left along the directions in the written files, tensor by tensor."""

from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.plan import plan_edits
from detox_cli.models.checkpoint.residue import Residue, measure_residues
from detox_cli.models.removal import Removal
from detox_cli.models.snapshot import local_folder
from detox_cli.models.sources import ModelSource
from detox_cli.services.abliterate.verify.options import VerifyOptions
from detox_cli.services.abliterate.verify.verification import TensorResidue

HALVES = "without the base, what is left in {} tensors edited at less than full strength cannot be told"


def read_back(
    base: ModelSource | None, written: ModelSource, removal: Removal, options: VerifyOptions
) -> tuple[list[TensorResidue], list[str]]:
    """Every edited tensor of a written model, and remarks on those that cannot be judged.

    Without a base the component is compared with that of a random tensor of the same length, and only tensors
    that were edited at full strength can be judged.

    Raises:
        BadData: A checkpoint cannot be read, or the written one lacks a tensor of its base.
    """
    after = open_checkpoint(local_folder(written))
    before = open_checkpoint(local_folder(base)) if base is not None else after
    anatomy = before.anatomy(options.targets)
    plan = plan_edits(before, anatomy, lambda writer: removal.edit(writer, anatomy), options.tied)
    residues = measure_residues(before, after, plan, options.rounding)
    remarks: list[str] = []
    if base is None:
        full = {target.writer.name for target in plan.targets if target.edit.strength == 1}
        if others := len(residues) - len(full):
            remarks.append(HALVES.format(others))
        residues = [one for one in residues if one.name in full]
    return [_judged(one) for one in residues], remarks


def _judged(one: Residue) -> TensorResidue:
    return TensorResidue(
        name=one.name,
        kind=one.kind,
        block=one.block,
        dtype=one.dtype,
        residue=one.residue,
        limit=one.limit,
        met=one.residue <= one.limit,
    )
