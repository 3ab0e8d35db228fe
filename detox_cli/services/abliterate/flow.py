"""The steps of one run, each from what the one before it has left."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from detox_cli.errors import BadData
from detox_cli.models.direction_file import Directions, Measured, read_directions, save_directions
from detox_cli.models.removal import Removal
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_folder
from detox_cli.services.abliterate.affine import check_affine, check_constants
from detox_cli.services.abliterate.base import Base
from detox_cli.services.abliterate.check import DIRECTION
from detox_cli.services.abliterate.choosing import chosen_removal
from detox_cli.services.abliterate.contrast.contrasts import Contrast
from detox_cli.services.abliterate.contrast.prompts import find_contrast, held_out
from detox_cli.services.abliterate.edited import write_and_verify
from detox_cli.services.abliterate.measure import measure, measure_blockwise
from detox_cli.services.abliterate.recipe import check_blocks, named_by_hand, named_removal
from detox_cli.services.abliterate.result import AbliterateResult
from detox_cli.services.abliterate.save import save_manifest
from detox_cli.services.abliterate.stages import Note, Stages
from detox_cli.services.abliterate.verify.needed import Needed, needed
from detox_cli.services.abliterate.verifying import digest_of, options_of
from detox_cli.settings.abliterate import AbliterateSettings


@dataclass(frozen=True)
class Run:
    """What all steps share.

    Attributes:
        settings: Of the run.
        base: The model.
        stages: What is finished.
        progress: Who listens.
        identity: The fingerprint of the run.
        started: When, in seconds since 1970.
        given: What was measured before, and chosen perhaps.
    """

    settings: AbliterateSettings
    base: Base
    stages: Stages
    progress: Progress
    identity: str
    started: float
    given: Directions | None

    @property
    def nothing_to_choose(self) -> bool:
        """Whether it is known what is removed once it is measured."""
        chosen = self.given is not None and self.given.removal is not None
        return chosen or named_by_hand(self.settings)

    @cached_property
    def contrast(self) -> Contrast:
        """The prompts, filtered by what the model does with them where that decides anything."""
        find = held_out if self.given and self.nothing_to_choose else find_contrast
        with self.stages.answers() as journal:
            return find(self.settings, self.base, journal)


def steps(run: Run) -> AbliterateResult:
    """The steps in their order, up to the last that is wanted."""
    settings = run.settings
    anatomy = run.base.anatomy  # refuses an unknown family before anything is loaded
    if not settings.measure_only:
        check_affine(settings, anatomy)
        check_blocks(settings, len(anatomy.blocks))
    about: dict[str, Any] = {"model": run.base.source.name, "converted": run.base.converted}
    if (need := _need(run)) is not None:
        about |= {"need": need}
        if not need.needed:
            run.progress.stage("no edit is needed: nothing is written")
            return AbliterateResult(**about)
    if run.given is not None:
        directions = run.given
        directions.measured.check_fits(anatomy)
        if directions.measured.model != run.base.source.fingerprint:
            run.progress.warn("the direction was measured in another model than this one")
        about |= {"contrast": directions.measured.contrast}
    else:
        directions, note = _measured(run)
        about |= note
    if not settings.measure_only and (directions.removal is None or named_by_hand(settings)):
        directions, note = _chosen(run, directions)
        about |= note
    if directions.removal is not None and directions.removal.offset is not None:
        check_constants(directions.removal.offset, run.base.checkpoint, anatomy)
    about |= {"prompt_hashes": dict(directions.measured.prompts)}
    result = AbliterateResult(**about, origin=dict(directions.origin))
    if settings.measure_only or settings.choose_only:
        return _save_directions(run, directions, result)
    return write_and_verify(run, directions, result)


def _need(run: Run) -> Needed | None:
    """How often the model does the task as it is; not asked where that is not what the edit is for."""
    settings = run.settings
    if (
        run.given
        or settings.measure_only
        or settings.blockwise
        or settings.contrast not in ("refusal", "task")
    ):
        return None
    run.progress.stage("asking the model to rewrite toxic sentences, to see whether an edit is needed")
    options = options_of(settings)
    with run.stages.needed(digest_of(options)) as journal:
        found = needed(
            run.base.plain_source,
            options,
            settings.goal,
            run.progress,
            journal=journal,
            engine=run.base.engine,
        )
    run.progress.stage(found.advice)
    return found


def _measured(run: Run) -> tuple[Directions, Note]:
    """What was measured on the two sides, and what there is to say about these."""

    def fill(folder: Path) -> Note:
        contrast = run.contrast
        run.progress.stage("measuring the residual stream")
        save_directions(folder / DIRECTION, _statistics(run, contrast))
        return {"contrast": contrast.kind, "prompts": contrast.counts(), "dropped": dict(contrast.dropped)}

    folder, note = run.stages.measured_once(fill)
    return read_directions(folder / DIRECTION), note


def _statistics(run: Run, contrast: Contrast) -> Measured:
    """The statistics, by the model in memory or block by block from its files."""
    base, settings = run.base, run.settings
    common: dict[str, Any] = {
        "positions": settings.positions,
        "batch_tokens": settings.batch_tokens,
        "winsorize": settings.winsorize,
    }
    if settings.blockwise:
        found = measure_blockwise(
            base.plain_source,
            base.reader,
            contrast,
            run.progress,
            dtype=settings.dtype,
            scratch=run.stages.scratch(),
            trust_remote_code=settings.trust_remote_code,
            **common,
        )
        return replace(found, model=base.source.fingerprint)
    return measure(
        base.engine.model,
        base.loaded_anatomy,
        base.reader,
        contrast,
        base.source.fingerprint,
        run.progress,
        **common,
    )


def _chosen(run: Run, directions: Directions) -> tuple[Directions, Note]:
    """What is to be removed, where the user says or what does best; and what else was tried."""

    def fill(folder: Path) -> Note:
        table: Note = {}
        if named_by_hand(run.settings):
            removal, origin = named_removal(directions.measured, run.settings)
        else:
            run.progress.stage("choosing a direction")
            if directions.measured.prompts != run.contrast.hashes():
                run.progress.warn("the direction was measured on other prompts; some may serve twice")
            removal, origin, table = _choice(run, directions.measured)
        save_directions(folder / DIRECTION, directions.measured, removal, origin)
        return table

    folder, note = run.stages.folder_once("chosen", fill)
    return read_directions(folder / DIRECTION), note


def _choice(run: Run, measured: Measured) -> tuple[Removal, dict[str, Any], Note]:
    try:
        return chosen_removal(run, measured)
    except BadData:
        if run.stages.measured.exists():
            run.progress.stage(
                f"what was measured stays in {run.stages.folder}: the same command with other limits, modes "
                "or strengths goes on from there"
            )
        raise


def _save_directions(run: Run, directions: Directions, result: AbliterateResult) -> AbliterateResult:
    result = result.model_copy(update={"files": [run.settings.output]})
    with atomic_folder(run.settings.output, overwrite=run.settings.overwrite) as folder:
        save_directions(folder / DIRECTION, directions.measured, directions.removal, directions.origin)
        save_manifest(run, folder, result)
    return result
