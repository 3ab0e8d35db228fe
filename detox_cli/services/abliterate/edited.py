"""The edited model: written beside its place, looked at there, and put in place only if it is good."""

from pathlib import Path
from typing import TYPE_CHECKING

from detox_cli.models.adapters import find_adapter
from detox_cli.models.direction_file import Directions, save_directions
from detox_cli.models.edit_adapter import write_adapter
from detox_cli.models.removal import Removal
from detox_cli.models.sources import ModelSource
from detox_cli.runs.atomic import atomic_folder
from detox_cli.services.abliterate.card import write_edit_card
from detox_cli.services.abliterate.check import DIRECTION
from detox_cli.services.abliterate.result import AbliterateResult
from detox_cli.services.abliterate.save import save_manifest
from detox_cli.services.abliterate.verify.run import verify
from detox_cli.services.abliterate.verify.verification import Verification
from detox_cli.services.abliterate.verifying import digest_of, figures_of, options_of
from detox_cli.services.abliterate.write import WrittenModel, plan_model, write_model

if TYPE_CHECKING:
    from detox_cli.services.abliterate.flow import Run


class _NotGoodEnough(Exception):
    """Leaves the folder that is being written, so that nothing is put in place."""

    def __init__(self, result: AbliterateResult) -> None:
        super().__init__()
        self.result = result


def write_and_verify(run: "Run", directions: Directions, result: AbliterateResult) -> AbliterateResult:
    """Write the edited model, or the adapter, with everything that belongs to it.

    Where a limit is not met the result says so, and no file is left.
    """
    removal = directions.removal
    assert removal is not None
    try:
        with atomic_folder(run.settings.output, overwrite=run.settings.overwrite) as folder:
            written = _write(run, removal, folder)
            verification = _verify(run, removal, folder)
            result = result.model_copy(update={"written": written, "verification": verification})
            if verification is not None and verification.problem() is not None:
                raise _NotGoodEnough(result)
            result = result.model_copy(update={"files": [run.settings.output]})
            save_directions(folder / DIRECTION, directions.measured, removal, directions.origin)
            figures = list(figures_of(verification)) if verification else []
            write_edit_card(folder, run.settings, run.base.source, result, figures)
            save_manifest(run, folder, result)
    except _NotGoodEnough as stopped:
        return stopped.result
    return result


def _write(run: "Run", removal: Removal, folder: Path) -> WrittenModel:
    base, settings = run.base, run.settings
    planned = plan_model(base.checkpoint, base.anatomy, removal, settings)
    if not settings.adapter:
        return write_model(planned, folder, settings, run.progress)
    run.progress.stage(f"writing an adapter for {len(planned.plan.targets)} tensors")
    write_adapter(planned.checkpoint, planned.plan, folder, base.source.name)
    kept = {writer.name: reason for writer, reason in planned.plan.kept}
    return WrittenModel(tensors=[], kept=kept, left_out=[], bytes_edited=0)


def _verify(run: "Run", removal: Removal, folder: Path) -> Verification | None:
    """Measure what lies in the folder, beside its base; the residues are known from writing."""
    base, settings = run.base, run.settings
    if set(settings.parts) == {"residues"}:
        return None
    options = options_of(settings, run.contrast, without=frozenset({"residues"}))
    here = ModelSource(str(settings.output), str(folder), "folder")
    with run.stages.verdicts(digest_of(options)) as journal:
        return verify(
            base.plain_source,
            base.plain_source if settings.adapter else here,
            removal,
            options,
            run.progress,
            journal=journal,
            base_engine=base.loaded,
            forget=base.forget,
            adapter=find_adapter(str(folder)) if settings.adapter else None,
        )
