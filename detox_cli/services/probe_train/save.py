"""The folder of ``probe train``: probes, figures, pictures, and a record for each text."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from detox_cli.data.writing import write_rows
from detox_cli.models.probes.files import NAME, save_probe
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.runs.manifest import write_manifest
from detox_cli.services.evaluation_output import markdown
from detox_cli.services.probe_train.pictures import write_pictures
from detox_cli.services.probe_train.result import ProbeTrainResult
from detox_cli.settings.probe_train import ProbeTrainSettings


def save(
    folder: Path,
    settings: ProbeTrainSettings,
    result: ProbeTrainResult,
    probes: Mapping[str, LinearProbe],
    records: Sequence[Mapping[str, object]],
    source: ModelSource,
    inputs: Sequence[str],
    identity: str,
    started: float,
    progress: Progress,
) -> None:
    """Write everything into a new folder; texts themselves are not kept."""
    save_probe(folder / NAME, probes[result.chosen])
    for layer in result.layers:
        save_probe(folder / layer.file, probes[layer.place])
    write_rows(folder / "rows.jsonl", records)
    (folder / "summary.json").write_text(result.model_dump_json(indent=2, exclude={"files"}) + "\n", "utf-8")
    (folder / "summary.md").write_text(markdown(result.tables()), encoding="utf-8")
    write_pictures(result, folder, progress)
    write_manifest(
        folder,
        command="probe train",
        settings=settings.model_dump(mode="json"),
        inputs=inputs,
        models={"model": {"name": source.name, "revision": source.revision, "hash": source.fingerprint}},
        scorers={},
        metrics=result.model_dump(mode="json", include={"chosen", "texts", "shuffled"})
        | {"auroc": result.best.natural.model_dump(mode="json")["auroc"]},
        started=started,
        fingerprint=identity,
    )
