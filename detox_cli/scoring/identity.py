"""What a scorer's model is called where scores are kept: content, without where it lay on the disk."""

from pathlib import Path

from detox_cli.models.sources import ModelSource


def model_identity(source: ModelSource) -> str:
    """``NAME@FINGERPRINT``; of a local folder only its own name is kept."""
    name = Path(source.location).name if source.kind == "folder" else source.name
    return f"{name}@{source.fingerprint}"
