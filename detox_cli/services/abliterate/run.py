"""``detox abliterate``: take a behaviour out of a model's weights, and measure what that changed."""

import time
from pathlib import Path

from detox_cli.generation.load import load_engine
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.removal import remove_everywhere
from detox_cli.models.snapshot import local_folder
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.manifest import fingerprint, read_manifest, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.services.abliterate import task_only
from detox_cli.services.abliterate.result import AbliterateResult
from detox_cli.services.abliterate.write import plan_model, write_model
from detox_cli.settings.abliterate import AbliterateSettings
from detox_cli.statistics.shares import share_interval

SILENT = Silent()
NOT_DECISIVE = {"output", "overwrite", "link_untouched"}


def run(settings: AbliterateSettings, progress: Progress = SILENT) -> AbliterateResult:
    """Measure, choose, write and look at what was written.

    Raises:
        BadData: The prompts or the model cannot be used.
        BadSettings: Something else is at the output.
        Missing: The model cannot be had.
    """
    source = find_model(settings.model, settings.revision)
    decisive = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
    identity = fingerprint(**decisive | {"model": source.fingerprint})
    with claim_output(settings.output, identity, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.stage("this run is finished already")
            manifest = read_manifest(settings.output) or {}
            return AbliterateResult(files=[settings.output], **manifest["metrics"])
        return _abliterate(settings, source, identity, progress)


def _abliterate(
    settings: AbliterateSettings, source: ModelSource, identity: str, progress: Progress
) -> AbliterateResult:
    started = time.time()
    engine = _engine(source, settings, progress)
    anatomy = anatomy_of(engine)
    texts = task_only.sentences()
    progress.stage(f"asking {source.name} to rewrite {len(texts)} sentences")
    before = task_only.refused(engine, texts)
    parts = task_only.split(texts, before)
    progress.stage("measuring")
    sides = dict(zip(("positive", "negative"), parts["measure"], strict=True))
    means = task_only.means(engine, anatomy, sides, settings.positions)
    progress.stage("choosing a direction")
    basis, choice = task_only.choose(
        engine, anatomy, means["positive"] - means["negative"], parts["choose"][0]
    )
    del engine
    planned = plan_model(local_folder(source), remove_everywhere(basis, len(anatomy.blocks)), settings)
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        written = write_model(planned, folder, settings, progress)
        progress.stage("asking the edited model")
        edited = _engine(find_model(str(folder)), settings, progress)
        after = task_only.refused(edited, texts)
        result = AbliterateResult(
            files=[settings.output],
            model=source.name,
            contrast=settings.contrast,
            prompts={name: len(side) for name, side in sides.items()},
            choice=choice,
            written=written,
            refusals={"before": share_interval(before), "after": share_interval(after)},
        )
        _manifest(folder, settings, source, result, identity, started)
    return result


def anatomy_of(engine: TransformersEngine) -> Anatomy:
    """Where the loaded model keeps what."""
    shapes = {name: tuple(value.shape) for name, value in engine.model.state_dict().items()}
    return read_anatomy(engine.model.config.to_dict(), shapes)


def _engine(source: ModelSource, settings: AbliterateSettings, progress: Progress) -> TransformersEngine:
    return load_engine(
        source,
        device=settings.device,
        dtype=settings.dtype,
        batch_tokens=settings.batch_tokens,
        trust_remote_code=settings.trust_remote_code,
        warn=progress.warn,
    )


def _manifest(
    folder: Path,
    settings: AbliterateSettings,
    source: ModelSource,
    result: AbliterateResult,
    identity: str,
    started: float,
) -> None:
    write_manifest(
        folder,
        command="abliterate",
        settings=settings.model_dump(mode="json"),
        inputs=[],
        models={
            "start": {"name": source.name, "revision": source.revision, "fingerprint": source.fingerprint}
        },
        scorers={},
        metrics=result.model_dump(mode="json", exclude={"files"}),
        started=started,
        fingerprint=identity,
    )
