"""Where the experts are: named one by one, as one folder of parts, or trained now."""

import re
from collections.abc import Sequence
from pathlib import Path

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.adapters import CONFIG as ADAPTER
from detox_cli.output.progress import Progress
from detox_cli.runs.manifest import read_manifest
from detox_cli.services.negate.prepared import base_of
from detox_cli.services.negate.stages import Stages
from detox_cli.settings.negate import NegateSettings

PART = re.compile(r"part-(\d+)")
MODEL = "config.json"
TO_TRAIN = ("where", "text_column", "split", "keep_experts")
TO_MEASURE = ("prompts", "protocol", "scorers", "text", "max_ppl_increase", "rule", "picture", "device")
"""What has no part in a run with one scale; how many are drawn is left out, since profiles have it."""


def check_experts(settings: NegateSettings) -> None:
    """Raise ``BadSettings`` unless experts are named, or text to train them on, and controls have a use."""
    if settings.expert and settings.data:
        hint = "leave one of them out"
        raise BadSettings("experts are named, and text to train others", where="--expert, --data", hint=hint)
    if not settings.expert and not settings.trains:
        hint = "give --expert DIR, or --data FILE to train some"
        raise BadSettings("no expert is named", where="--expert", hint=hint)
    if settings.control and not settings.sweeps:
        hint = "give several scales, such as 0.1:1.0:0.1, or auto"
        raise BadSettings("controls are measured beside a scale that is chosen", where="--control", hint=hint)


def without_part(settings: NegateSettings) -> list[str]:
    """What to say about options that were given and have no part in this run."""
    said = []
    if not settings.sweeps and (given := _given(settings, TO_MEASURE)):
        said.append(f"{given}: nothing is measured at one scale; give several, such as 0.1:1.0:0.1, or auto")
    if not settings.trains and (given := _given(settings, TO_TRAIN)):
        said.append(f"{given}: nothing is trained, as experts are named")
    return said


def _given(settings: NegateSettings, names: Sequence[str]) -> str:
    fields = NegateSettings.model_fields
    given = [name for name in names if getattr(settings, name) != fields[name].default]
    return ", ".join(f"--{name.replace('_', '-')}" for name in given)


def experts_of(settings: NegateSettings) -> list[str]:
    """Every expert that is named; a folder of parts stands for all of them, in their order.

    Raises:
        BadData: A part is missing or unfinished.
    """
    return [name for given in settings.expert for name in _parts(given)]


def trained_experts(settings: NegateSettings, stages: Stages, progress: Progress) -> list[str]:
    """Train the experts, or find them finished.

    Raises:
        BadData: The text cannot be used.
        BadSettings: Something else is where the experts are to be.
    """
    from detox_cli.services.train_lm.run import train_experts  # torch is needed for this alone

    assert stages.train is not None
    base = base_of(settings)
    train = stages.train.model_copy(update={"model": base.model, "revision": base.revision})
    return [str(folder) for folder in train_experts(train, progress)]


def _parts(name: str) -> Sequence[str]:
    folder = Path(name).expanduser()
    if not folder.is_dir() or _is_model(folder):
        return [name]
    found = {int(m[1]): path for path in folder.iterdir() if (m := PART.fullmatch(path.name))}
    if not found:
        return [name]  # whoever opens it says what is wrong with it
    trained = (read_manifest(folder) or {}).get("metrics", {}).get("experts", [])
    wanted = set(range(max(max(found) + 1, len(trained))))
    if wrong := sorted(wanted - {number for number, path in found.items() if _is_model(path)}):
        hint = "let `detox train lm` finish, or name the parts one by one"
        raise BadData(f"part-{wrong[0]} is missing or unfinished", where=name, hint=hint)
    return [str(path) for _, path in sorted(found.items())]


def _is_model(folder: Path) -> bool:
    return (folder / MODEL).is_file() or (folder / ADAPTER).is_file()
