"""From a recipe to edited files that were read back."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.checkpoint.folder import Checkpoint, open_checkpoint
from detox_cli.models.checkpoint.plan import Plan, plan_edits
from detox_cli.models.checkpoint.residue import Residue, beyond_limit, measure_residues
from detox_cli.models.checkpoint.write import write_edited
from detox_cli.models.removal import Removal
from detox_cli.output.progress import Progress
from detox_cli.settings.abliterate import AbliterateSettings


class WrittenTensor(BaseModel):
    """What an edit did to one tensor; all numbers are shares, see `Residue`."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    block: int | None
    dtype: str
    before: float = Field(description="The component along the directions, as a share of the tensor.")
    after: float = Field(description="The same in the written file.")
    residue: float = Field(description="What is left of the component, as a share of what was there.")
    limit: float = Field(description="The largest residue that its number type allows.")
    change: float = Field(description="How far the tensor moved, as a share of its length.")


class WrittenModel(BaseModel):
    """What was edited, and what was left as it was."""

    model_config = ConfigDict(frozen=True)

    tensors: list[WrittenTensor] = Field(description="Every edited tensor, read back from the files.")
    kept: dict[str, str] = Field(description="Tensors that write to the stream and stay, with the reason.")
    left_out: list[str] = Field(description="Files of the source that were not copied.")
    bytes_edited: int = Field(description="The size of everything that was edited.")

    @property
    def largest_residue(self) -> float:
        """The largest residue of all edited tensors."""
        return max((tensor.residue for tensor in self.tensors), default=0.0)


@dataclass(frozen=True)
class Planned:
    """A checkpoint and what will be done to it."""

    checkpoint: Checkpoint
    plan: Plan


def plan_model(
    checkpoint: Checkpoint, anatomy: Anatomy, removal: Removal, settings: AbliterateSettings
) -> Planned:
    """Decide for every writer of a checkpoint what is done to it.

    Raises:
        BadData: The checkpoint cannot be edited.
        BadSettings: Nothing would be edited.
    """
    plan = plan_edits(checkpoint, anatomy, lambda writer: removal.edit(writer, anatomy), settings.tied)
    return Planned(checkpoint, plan)


def write_model(
    planned: Planned, folder: Path, settings: AbliterateSettings, progress: Progress
) -> WrittenModel:
    """Write the edited copy into an existing, empty folder, and read it back.

    Raises:
        BadData: Weights are not finite, or a file is cut off.
        DetoxError: More is left along a direction than the number type explains.
    """
    plan, checkpoint = planned.plan, planned.checkpoint
    progress.stage(f"editing {len(plan.targets)} tensors, {plan.bytes_edited / 1e6:,.0f} MB")
    with progress.task("tensors", len(plan.targets)) as task:
        left_out = write_edited(
            checkpoint,
            plan,
            folder,
            rounding=settings.rounding,
            link_untouched=settings.link_untouched,
            done=lambda _: task.advance(),
        )
    if left_out:
        progress.warn(f"not copied, as it was not edited: {', '.join(map(str, left_out))}")
    progress.stage("reading the written files back")
    residues = measure_residues(checkpoint, open_checkpoint(folder), plan, settings.rounding)
    check_residues(residues)
    return WrittenModel(
        tensors=[WrittenTensor(**asdict(residue)) for residue in residues],
        kept={writer.name: reason for writer, reason in plan.kept},
        left_out=[str(path) for path in left_out],
        bytes_edited=plan.bytes_edited,
    )


def check_residues(residues: Iterable[Residue]) -> None:
    """Raise `DetoxError` if more is left in a tensor than its number type explains."""
    if beyond := beyond_limit(list(residues)):
        worst = max(beyond, key=lambda residue: residue.residue)
        raise DetoxError(
            f"{worst.residue:.1e} of the direction is left in {worst.name}, above {worst.limit:.1e}; "
            f"{len(beyond)} of the edited tensors are like that",
            hint="nothing was written; try --rounding nearest, and report this model",
        )
