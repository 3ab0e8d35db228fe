"""The folder of a command that looks into a model: made once, whole, with its manifest."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from detox_cli.data.rejects import Rejects
from detox_cli.models.neurons.listing import neurons_file
from detox_cli.models.probes.files import probe_file
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.clock import steady_time
from detox_cli.runs.manifest import read_manifest, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.services.evaluation_output import markdown
from detox_cli.services.result import Result
from detox_cli.settings.base import Section

R = TypeVar("R", bound=Result)
SUMMARY = "summary.json"


def kept_folder(
    settings: Section,
    output: Path,
    overwrite: bool,
    command: str,
    fingerprint: str,
    kind: type[R],
    work: Callable[[Path], R],
    progress: Progress,
    *,
    inputs: Sequence[str | Path] = (),
    models: Mapping[str, Any] | None = None,
    rejects: Rejects | None = None,
) -> R:
    """Let ``work`` fill a folder that becomes ``output``, unless the same run has made it already.

    ``summary.json`` and ``summary.md`` are written of what ``work`` returns.

    Raises:
        BadSettings: Something else is at the output.
        DetoxError: Another process works on it, or it cannot be written.
    """
    started = steady_time()
    with claim_output(output, fingerprint, overwrite=overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.warn(f"{output} is finished already; nothing was done")
            if rejects is not None:
                rejects.restore()
            found = kind.model_validate_json((output / SUMMARY).read_text(encoding="utf-8"))
            return found.model_copy(update={"files": [output]})
        ours = (read_manifest(output) or {}).get("fingerprint") == fingerprint
        with atomic_folder(output, overwrite=overwrite or ours) as folder:
            result = work(folder)
            summary = result.model_dump_json(indent=2, exclude={"files"})
            (folder / SUMMARY).write_text(summary + "\n", encoding="utf-8")
            (folder / "summary.md").write_text(markdown(result.tables()), encoding="utf-8")
            write_manifest(
                folder,
                command=command,
                settings=settings.model_dump(mode="json"),
                inputs=list(inputs),
                models=dict(models or {}),
                scorers=dict(getattr(result, "scorers", {})),
                metrics=result.model_dump(mode="json", exclude={"files"}),
                started=started,
                fingerprint=fingerprint,
            )
        claim.finish()
    return result.model_copy(update={"files": [output]})


def model_record(source: ModelSource) -> dict[str, str | None]:
    """What a manifest says of a model."""
    return {"name": source.name, "revision": source.revision, "fingerprint": source.fingerprint}


def files_read(
    probe: Path | None, neurons: Path | None, prompts: str | None, words: Path | None = None
) -> list[str | Path]:
    """What a manifest lists as inputs: of folders the file that counts."""
    files: list[str | Path] = [probe_file(probe)] if probe is not None else []
    files += [neurons_file(neurons)] if neurons is not None else []
    return [*files, *(one for one in (prompts, words) if one is not None)]
