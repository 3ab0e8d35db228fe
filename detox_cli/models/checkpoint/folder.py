"""A model folder as a checkpoint: its configuration, its weight files, its side files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.checkpoint.header import Stored, read_header
from detox_cli.models.checkpoint.quantised import UNQUANTISED
from detox_cli.models.sources import INDEX

SINGLE = "model.safetensors"
OTHER_WEIGHTS = frozenset(
    {
        *(".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".npz"),
        *(".gguf", ".ggml", ".onnx", ".h5", ".msgpack", ".tflite", ".mlmodel"),
    }
)


@dataclass(frozen=True)
class Checkpoint:
    """A model folder with safetensors weights.

    Attributes:
        folder: Where it is.
        config: ``config.json``.
        files: Names of the weight files, in order.
        tensors: Every stored tensor by name.
    """

    folder: Path
    config: Mapping[str, Any]
    files: tuple[str, ...]
    tensors: Mapping[str, Stored]

    @property
    def sharded(self) -> bool:
        """Whether an index says which file holds which tensor."""
        return self.files != (SINGLE,)

    def anatomy(self, targets: str | None = None) -> Anatomy:
        """Where this model keeps what; see ``read_anatomy``."""
        shapes = {name: tensor.shape for name, tensor in self.tensors.items()}
        return read_anatomy(self.config, shapes, targets)

    def side_files(self) -> tuple[list[Path], list[Path]]:
        """Files beside the weights, relative to the folder: those that belong to any copy, and the rest.

        The rest are weights in other formats, which an edit would leave as they are, and hidden folders.
        """
        own = {*self.files, *([INDEX] if self.sharded else [])}
        belonging: list[Path] = []
        others: list[Path] = []
        for path in sorted(p.relative_to(self.folder) for p in self.folder.rglob("*") if p.is_file()):
            if str(path) not in own:
                hidden = any(part.startswith(".") for part in path.parent.parts)
                (others if hidden or is_weights(path) else belonging).append(path)
        return belonging, others


def open_checkpoint(folder: str | Path, may_be_quantised: bool = False) -> Checkpoint:
    """Read the configuration, the index and every header of a model folder; no weight is read.

    A quantised one cannot be edited as it is; ``may_be_quantised`` opens it for `dequantise`.

    Raises:
        BadData: There are no safetensors weights, a file is missing or damaged, or they are quantised.
    """
    folder = Path(folder)
    config = _read_json(folder / "config.json")
    if not may_be_quantised:
        _refuse_quantised(folder, config)
    files = _weight_files(folder)
    tensors: dict[str, Stored] = {}
    for name in files:
        for tensor in read_header(folder / name).values():
            if tensor.name in tensors:
                raise BadData(
                    f"{tensor.name} is in two files",
                    where=str(folder),
                    hint="remove the one that is not of this model",
                )
            tensors[tensor.name] = tensor
    return Checkpoint(folder, config, files, tensors)


def _weight_files(folder: Path) -> tuple[str, ...]:
    if (folder / SINGLE).exists():
        return (SINGLE,)
    if not (folder / INDEX).exists():
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt*"))
        has = "only pickled weights" if pickled else f"neither {SINGLE} nor {INDEX}"
        raise BadData(f"has {has}", where=str(folder), hint="save the model as safetensors")
    places = _read_json(folder / INDEX).get("weight_map")
    files = named_files(places, folder / INDEX)
    if missing := [name for name in files if not (folder / name).exists()]:
        raise BadData(
            f"lacks {', '.join(missing)}, which its index names",
            where=str(folder),
            hint="fetch or copy the whole folder again",
        )
    if not files:
        raise BadData("names no file", where=str(folder / INDEX), hint="fetch or copy the whole folder again")
    return files


def named_files(places: object, index: Path) -> tuple[str, ...]:
    """The files that the ``weight_map`` of an index names, each once, sorted.

    A copy of the model gets files of the same names, so one that leads out of the folder is refused.

    Raises:
        BadData: It is no map from tensors to plain names of files.
    """
    if not isinstance(places, dict):
        raise BadData(
            "its weight_map should say which file holds which tensor",
            where=str(index),
            hint="fetch or copy the whole folder again",
        )
    for name in places.values():
        if not isinstance(name, str) or name in ("", ".", "..") or set(name) & {"/", "\\", "\0"}:
            hint = "all weights lie beside the index; do not use a model that says otherwise"
            raise BadData(f"names {name!r}, which is no file of this folder", where=str(index), hint=hint)
    return tuple(sorted(set(places.values())))


def _refuse_quantised(folder: Path, config: Mapping[str, Any]) -> None:
    inner = config.get("text_config") or {}
    quantised = config.get("quantization_config") or inner.get("quantization_config")
    if quantised:
        method = quantised.get("quant_method") or "unnamed method"
        raise BadData(
            f"its weights are quantised ({method}) and cannot be edited", where=str(folder), hint=UNQUANTISED
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadData("is missing", where=str(path), hint="fetch or copy the whole folder again") from error
    except ValueError as error:
        raise BadData(
            f"is no JSON: {error}", where=str(path), hint="fetch or copy the whole folder again"
        ) from error
    if not isinstance(content, dict):
        raise BadData("should hold an object", where=str(path), hint="fetch or copy the whole folder again")
    return content


def is_weights(path: Path) -> bool:
    """Whether a file holds weights, or says which file holds which, by its name."""
    stem = path.name.removesuffix(".index.json") if path.name.endswith(".index.json") else path.name
    return Path(stem).suffix.lower() in OTHER_WEIGHTS
