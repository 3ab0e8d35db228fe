"""``detox abliterate``: take a behaviour out of a model's weights, and measure what that changed."""

from detox_cli.models.direction_file import read_directions
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.clock import steady_time
from detox_cli.runs.manifest import content_or_name, fingerprint, hash_file, read_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.services.abliterate.base import find_base
from detox_cli.services.abliterate.check import check, direction_file, find_needed
from detox_cli.services.abliterate.flow import Run, steps
from detox_cli.services.abliterate.result import AbliterateResult
from detox_cli.services.abliterate.save import READ
from detox_cli.services.abliterate.stages import stages_of
from detox_cli.services.abliterate.verify_folder import verify_folder
from detox_cli.settings.abliterate import AbliterateSettings

SILENT = Silent()
NOT_DECISIVE = {"output", "overwrite", "link_untouched", "direction", "batch_tokens"}
MEASURING = {
    *("contrast", "seed", "positive", "negative", "pairs", "text_column", "limit", "system", "chat_template"),
    *("prefix", "raw", "filter", "force", "positions", "winsorize", "blockwise"),
    *("device", "dtype", "targets", "trust_remote_code"),
}
"""Settings that decide what the model is asked before it is edited, and what is measured."""


def run(settings: AbliterateSettings, progress: Progress = SILENT) -> AbliterateResult:
    """Look whether an edit is needed, measure, choose, write and verify; or one of these steps alone.

    A killed run goes on after its last finished step; one that is finished does nothing.

    Raises:
        BadData: Prompts, model or direction file cannot be used.
        BadSettings: Settings contradict each other, or something else is at the output.
        Missing: The model cannot be had.
    """
    check(settings)
    if settings.verify is not None:
        find_needed(settings)
        return verify_folder(settings, settings.verify, progress)
    source = find_model(settings.model, settings.revision, may_be_pickled=True)
    file = direction_file(settings.direction)
    read = {"model": source.fingerprint, "files": _hashes(settings)}
    identity = fingerprint(
        **settings.model_dump(mode="json", exclude=NOT_DECISIVE) | read,
        direction_file=hash_file(file) if file else None,
    )
    measuring = fingerprint(**settings.model_dump(mode="json", include=MEASURING), **read)
    with claim_output(settings.output, identity, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.stage("this run is finished already")
            manifest = read_manifest(settings.output) or {}
            return AbliterateResult(files=[settings.output], **manifest["metrics"])
        with stages_of(claim, measuring[:12]) as stages:
            find_needed(settings)
            base = find_base(source, settings, stages, progress)
            given = read_directions(file) if file is not None else None
            return steps(Run(settings, base, stages, progress, identity, steady_time(), given))


def _hashes(settings: AbliterateSettings) -> dict[str, str]:
    """The content of the files that decide a run; a data set has only its name."""
    names = (getattr(settings, name) for name in READ)
    given = [name for name in names if name is not None]
    return {str(name): found for name in given if (found := content_or_name(name)) != str(name)}
