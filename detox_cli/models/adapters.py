"""LoRA adapters: found, checked, and put on a model."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadSettings, Missing
from detox_cli.models.sources import folder_fingerprint

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
FLAG = "--adapter"


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter in a folder (Hu et al., 2021); made by `find_adapter`.

    Attributes:
        name: As the user wrote it.
        folder: Where it is.
        rank: The largest rank of its matrices.
    """

    name: str
    folder: Path
    rank: int

    @property
    def fingerprint(self) -> str:
        """16 hex digits over its configuration and weights."""
        return folder_fingerprint(self.folder)


def find_adapter(name: str) -> Adapter:
    """The adapter in a folder that peft wrote.

    Raises:
        Missing: There is no such folder.
        BadSettings: It holds no LoRA adapter, or its weights are pickled.
    """
    folder = Path(name).expanduser().resolve()
    if not folder.is_dir():
        raise Missing(f"no such adapter folder: {name}", where=FLAG, hint="name a folder that peft wrote")
    if not (folder / CONFIG).is_file():
        raise BadSettings(f"{CONFIG} is missing in {name}", where=FLAG, hint="name a folder that peft wrote")
    if not (folder / WEIGHTS).is_file():
        hint = "save the adapter as safetensors"
        raise BadSettings(f"{WEIGHTS} is missing in {name}", where=FLAG, hint=hint)
    return Adapter(name, folder, _rank(folder / CONFIG, name))


def with_adapter(model: Any, adapter: Adapter, *, merge: bool) -> Any:
    """The model with the adapter's weights: added to its own, or kept beside them.

    Args:
        model: The base model.
        adapter: What to put on it.
        merge: Add the weights to the model's own; wrong for quantized ones, which would be rounded again.

    Raises:
        BadSettings: The adapter is for another model.
    """
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*missing adapter keys.*")
            adapted = PeftModel.from_pretrained(model, str(adapter.folder))
    except (ValueError, RuntimeError, KeyError, UserWarning) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadSettings(
            f"the adapter {adapter.name} does not fit the model: {reason}",
            where=FLAG,
            hint="name the model that it was trained on",
        ) from error
    return adapted.merge_and_unload() if merge else adapted.get_base_model()


def _rank(path: Path, name: str) -> int:
    try:
        config = parse_json(path.read_text(encoding="utf-8"))
        kind = config["peft_type"]
        rank = max(int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values()), 0)
    except (ValueError, KeyError, TypeError) as error:
        raise BadSettings(f"{CONFIG} of {name} cannot be read", where=FLAG, hint="save it again") from error
    if kind != "LORA":
        raise BadSettings(f"{name} is of the kind {kind}", where=FLAG, hint="name a LoRA adapter")
    return rank
