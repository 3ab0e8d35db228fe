"""``--verify``: an edited model against its base, with nothing written."""

import tempfile
from pathlib import Path

from detox_cli.models.adapters import find_adapter
from detox_cli.models.direction_file import read_directions
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.services.abliterate.base import Base, find_base
from detox_cli.services.abliterate.check import DIRECTION, direction_file
from detox_cli.services.abliterate.contrast.prompts import held_out
from detox_cli.services.abliterate.result import AbliterateResult
from detox_cli.services.abliterate.stages import Stages
from detox_cli.services.abliterate.verify.run import verify
from detox_cli.services.abliterate.verifying import options_of
from detox_cli.settings.abliterate import AbliterateSettings

ADAPTER = "adapter_config.json"


def verify_folder(settings: AbliterateSettings, folder: Path, progress: Progress) -> AbliterateResult:
    """Measure the model, or the adapter, in a folder beside the base that it was made from.

    Without a direction file neither files nor forward pass can be looked at, which is said.

    Raises:
        BadData: A checkpoint or a file of prompts cannot be used.
        Missing: A model or a scorer cannot be had.
    """
    source = find_model(settings.model, settings.revision, may_be_pickled=True)
    is_adapter = (folder / ADAPTER).is_file()
    with (
        tempfile.TemporaryDirectory(prefix="detox-") as place,
        Journal(Path(place) / "journal", "verify") as journal,
    ):
        stages = Stages(Path(place), journal)
        base = find_base(source, settings, stages, progress)
        return _verified(settings, base, folder, is_adapter, stages, progress)


def _verified(
    settings: AbliterateSettings,
    base: Base,
    folder: Path,
    is_adapter: bool,
    stages: Stages,
    progress: Progress,
) -> AbliterateResult:
    file = direction_file(settings.direction)
    if file is None and (folder / DIRECTION).is_file():
        file = folder / DIRECTION
    directions = read_directions(file) if file is not None else None
    if directions is None or directions.removal is None:
        progress.warn(f"{folder} has no {DIRECTION}, so files and forward pass are not looked at")
    with stages.answers() as journal:
        contrast = held_out(settings, base, journal)
    found = verify(
        base.plain_source,
        base.plain_source if is_adapter else find_model(str(folder)),
        directions.removal if directions else None,
        options_of(settings, contrast),
        progress,
        base_engine=base.engine,
        forget=base.forget,
        adapter=find_adapter(str(folder)) if is_adapter else None,
    )
    return AbliterateResult(
        model=base.source.name,
        converted=base.converted,
        contrast=contrast.kind,
        origin=dict(directions.origin) if directions else {},
        verification=found,
    )
