"""``detox.json`` of an edit."""

from pathlib import Path
from typing import TYPE_CHECKING

from detox_cli.runs.manifest import write_manifest
from detox_cli.services.abliterate.result import AbliterateResult

if TYPE_CHECKING:
    from detox_cli.services.abliterate.flow import Run

READ = ("positive", "negative", "pairs", "safe", "text", "task_pairs", "chat_template")
"""Settings that name files to read, besides the direction."""


def save_manifest(run: "Run", folder: Path, result: AbliterateResult) -> None:
    """Write ``detox.json`` into the finished folder."""
    source = run.base.source
    named = [getattr(run.settings, name) for name in (*READ, "direction")]
    model = {"name": source.name, "revision": source.revision, "fingerprint": source.fingerprint}
    write_manifest(
        folder,
        command="abliterate",
        settings=run.settings.model_dump(mode="json"),
        inputs=[name for name in named if name is not None],
        models={"base": model},
        scorers=result.verification.scorers if result.verification else {},
        metrics=result.model_dump(mode="json", exclude={"files"}),
        started=run.started,
        fingerprint=run.identity,
    )
