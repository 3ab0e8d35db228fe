"""Model folders whose weights are pickled: read as plain tensors and never run, written as safetensors."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.serialization import safe_globals

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData
from detox_cli.models.checkpoint.copying import copy_file
from detox_cli.models.checkpoint.folder import SINGLE, is_weights, named_files
from detox_cli.models.sources import INDEX

PICKLED, PICKLED_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"


def only_pickled(folder: Path) -> bool:
    """Whether a folder has weights that can be read here only as pickles."""
    has_safe = (folder / SINGLE).exists() or (folder / INDEX).exists()
    return not has_safe and ((folder / PICKLED).exists() or (folder / PICKLED_INDEX).exists())


def write_safetensors(source: Path, folder: Path) -> None:
    """Write a copy of a model folder, with its weights as safetensors, into an existing, empty folder.

    The files are mapped into memory, so one of them needs no more of it than the system can spare. Only plain
    tensors are accepted (``weights_only``): nothing in a file is run.

    Raises:
        BadData: A file is damaged, holds more than tensors, or is of torch before 1.6.
    """
    names = _files(source)
    places: dict[str, str] = {}
    total = 0
    for number, name in enumerate(names, start=1):
        target = SINGLE if len(names) == 1 else f"model-{number:05}-of-{len(names):05}.safetensors"
        tensors = _distinct(_load(source / name))
        save_file(tensors, folder / target, metadata={"format": "pt"})
        places |= dict.fromkeys(tensors, target)
        total += sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if len(names) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": places}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    for path in sorted(p.relative_to(source) for p in source.rglob("*") if p.is_file()):
        if not is_weights(path) and not any(part.startswith(".") for part in path.parent.parts):
            copy_file(source / path, folder / path)


def _files(source: Path) -> list[str]:
    if not (source / PICKLED_INDEX).exists():
        return [PICKLED]
    try:
        places = parse_json((source / PICKLED_INDEX).read_text(encoding="utf-8"))["weight_map"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadData(
            "is no index of weights",
            where=str(source / PICKLED_INDEX),
            hint="fetch or copy the whole folder again",
        ) from error
    names = list(named_files(places, source / PICKLED_INDEX))
    if missing := [name for name in names if not (source / name).exists()]:
        raise BadData(
            f"lacks {', '.join(missing)}, which its index names",
            where=str(source),
            hint="fetch or copy the whole folder again",
        )
    return names


def load_plain(path: Path, wrong: str, hint: str, *, allowed: Sequence[type] = (), mmap: bool = False) -> Any:
    """The content of a pickled file, of which nothing is run: tensors, containers, ``allowed`` classes.

    Args:
        path: The file.
        wrong: What to say of one that holds anything else, or is damaged.
        hint: What to do about it.
        allowed: Classes that it may hold as well.
        mmap: Leave tensors on the disk until they are used.

    Raises:
        BadData: It holds anything else, is damaged, or is of torch before 1.6 where ``mmap`` is wanted.
    """
    try:
        with safe_globals(list(allowed)):
            return torch.load(path, map_location="cpu", mmap=mmap, weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # what a reader of pickles raises on damaged ones is anything
        raise BadData(wrong, where=str(path), hint=hint) from error


def _load(path: Path) -> dict[str, torch.Tensor]:
    hint = "fetch it again, or save the model as safetensors where you trust it"
    state = load_plain(path, "cannot be read as plain tensors, so nothing of it is read", hint, mmap=True)
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise BadData(
            "holds something else than named tensors", where=str(path), hint="save the model as safetensors"
        )
    return state


def _distinct(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors, each stored once: a head that is tied has a second name for the same numbers."""
    seen: set[tuple[object, ...]] = set()
    kept: dict[str, torch.Tensor] = {}
    for name, tensor in sorted(state.items(), key=lambda item: "head" in item[0]):
        identity = (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        if identity not in seen:
            seen.add(identity)
            kept[name] = tensor.contiguous()
    return kept
