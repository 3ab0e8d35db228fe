"""What a scorer's model is called where scores are kept: content, without where it lay on the disk."""

from pathlib import Path

from detox_cli.models.sources import ModelSource, find_model
from detox_cli.runs.manifest import hash_file
from detox_cli.scoring.calibration import calibration_file
from detox_cli.scoring.spec import parse_spec


def model_identity(source: ModelSource) -> str:
    """``NAME@FINGERPRINT``; of a local folder only its own name is kept."""
    name = Path(source.location).name if source.kind == "folder" else source.name
    return f"{name}@{source.fingerprint}"


def scorer_content(text: str) -> list[str]:
    """A scorer's name, and the fingerprint of the model or the hash of the file behind it; nothing is loaded.

    Raises:
        BadSettings: This is no scorer's name. Missing: The model or file is not there.
    """
    spec = parse_spec(text)
    if spec.members:
        return [spec.kind, *(part for name in spec.members for part in scorer_content(name))]
    if spec.kind == "hf":
        return [text, find_model(spec.target).fingerprint]
    if spec.kind == "builtin" and spec.target != "lexicon":
        return [text, find_model(f"builtin:{spec.target}").fingerprint]
    file = calibration_file(spec.target) if spec.kind == "calibrated" else Path(spec.target)
    return [text, hash_file(file)] if file.is_file() else [text]
