"""``NAME.safetensors`` with the numbers of a probe, ``NAME.json`` beside it with what they mean."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData
from detox_cli.models.directions import Floats
from detox_cli.models.probes.probe import LinearProbe, ProbeSite
from detox_cli.runs.atomic import atomic_file

FORMAT = "detox-probe-1"
NAME = "probe.safetensors"
"""The probe of a folder."""
PICKLED = (".pt", ".pth", ".bin")
AGAIN = "train it again: detox probe train"


def save_probe(path: str | Path, probe: LinearProbe) -> list[Path]:
    """Write ``path``, which ends in ``.safetensors``, and its sidecar; the same probe gives the same bytes.

    Tensors, all float64: ``direction`` ``[d]``, ``bias`` ``[1]``; ``mean`` and ``scale`` ``[d]`` where known.

    Returns:
        Both files.

    Raises:
        DetoxError: They cannot be written.
    """
    path = Path(path)
    parts = {"direction": probe.direction, "mean": probe.mean, "scale": probe.scale}
    tensors = {name: np.ascontiguousarray(part) for name, part in parts.items() if part is not None}
    tensors["bias"] = np.array([probe.bias])
    about = {
        "format": FORMAT,
        "width": probe.width,
        "site": asdict(probe.site),
        "method": probe.method,
        "label": probe.label,
        "figures": dict(probe.figures),
    }
    text = json.dumps(about, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with atomic_file(path) as temporary:
        save_file(tensors, temporary, {"format": FORMAT})
    with atomic_file(sidecar(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return [path, sidecar(path)]


def read_probe(path: str | Path) -> LinearProbe:
    """Read a probe: its file, the folder of ``probe train``, or a published ``.pt``, which is never run.

    Raises:
        BadData: There is none, it is damaged, or it is something else.
    """
    path = Path(path)
    if path.suffix.lower() in PICKLED:
        from detox_cli.models.probes.published import read_published

        return read_published(path)
    file = probe_file(path)
    if not file.is_file():
        raise BadData("there is no probe", where=str(file), hint="name a folder of detox probe train")
    tensors, about = _tensors(file), _about(file)
    try:
        site = ProbeSite(**about["site"])
        return LinearProbe(
            direction=tensors["direction"],
            bias=float(tensors["bias"][0]),
            site=site,
            method=about["method"],
            label=str(about["label"]),
            mean=tensors.get("mean"),
            scale=tensors.get("scale"),
            figures=about["figures"],
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadData(f"is a damaged probe: {what}", where=str(file), hint=AGAIN) from error


def probe_file(path: Path) -> Path:
    """The file of a probe that is named by its file or its folder."""
    return path / NAME if path.is_dir() else path


def sidecar(path: Path) -> Path:
    """Where the JSON of a probe is."""
    return path.with_suffix(".json")


def _tensors(file: Path) -> dict[str, Floats]:
    try:
        with safe_open(file, framework="np") as opened:
            found = (opened.metadata() or {}).get("format")
            tensors = {name: opened.get_tensor(name).astype(np.float64) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise BadData(f"cannot be read as a probe: {error}", where=str(file), hint=AGAIN) from error
    if found != FORMAT:
        raise BadData("is no probe of this program", where=str(file), hint=f"wanted is {FORMAT}")
    return tensors


def _about(file: Path) -> dict[str, Any]:
    place = sidecar(file)
    try:
        about = parse_json(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "copy it from where the probe comes from"
        raise BadData("is missing, and says what the probe reads", where=str(place), hint=hint) from None
    except (OSError, ValueError) as error:
        raise BadData(f"cannot be read: {error}", where=str(place), hint=AGAIN) from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise BadData("does not describe a probe of this program", where=str(place), hint=AGAIN)
    return about
