"""Probes as they were published: a pickled ``Linear(d, 1, bias=False)``, such as ``english-probe.pt``.

Li, Yong & Bach 2024 (arXiv 2406.16235): it reads the mean over tokens of what comes after the final norm. A
softmax probe of two rows, as of Lee et al. 2024 (arXiv 2401.01967), becomes the difference of its rows.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.modules.linear import Linear

from detox_cli.errors import BadData
from detox_cli.models.pickled import load_plain
from detox_cli.models.probes.probe import LinearProbe, ProbeSite

WEIGHTS = ("weight", "linear.weight", "classifier.weight", "fc.weight")
WANTED = "a probe is a pickled Linear, a tensor, or the state of a linear layer"


def read_published(path: str | Path) -> LinearProbe:
    """Read a pickled probe with nothing allowed but tensors and ``Linear``, so that nothing in it is run.

    Raises:
        BadData: There is no such file, or it holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise BadData("there is no such probe", where=str(path), hint="check the path")
    weight, bias = _parts(_load(path), path)
    rows = weight.detach().to(torch.float64).numpy()
    rows = rows[None] if rows.ndim == 1 else rows
    offsets = np.zeros(len(rows)) if bias is None else bias.detach().to(torch.float64).numpy().reshape(-1)
    if rows.ndim != 2 or len(rows) not in (1, 2) or len(offsets) != len(rows):
        raise BadData(
            f"holds weights of shape {tuple(weight.shape)}, which is no probe", where=str(path), hint=WANTED
        )
    if len(rows) == 2:
        rows, offsets = rows[1:] - rows[:1], offsets[1:] - offsets[:1]
    try:
        return LinearProbe(rows[0], float(offsets[0]), ProbeSite(after_norm=True), "published")
    except ValueError as error:
        raise BadData(f"is no usable probe: {error}", where=str(path), hint=WANTED) from error


def _load(path: Path) -> Any:
    return load_plain(
        path,
        "holds more than a linear layer, or is damaged, so nothing of it is read",
        WANTED,
        allowed=[Linear],
    )


def _parts(found: Any, path: Path) -> tuple[torch.Tensor, torch.Tensor | None]:
    if isinstance(found, torch.Tensor):
        return found, None
    if isinstance(found, Linear):
        # Read past the class, which sets nothing that the file does not hold.
        state = dict(found.__dict__.get("_parameters", {}))
        return _weight(state, path), state.get("bias")
    if isinstance(found, dict):
        name = next((name for name in WEIGHTS if name in found), "")
        return _weight({"weight": found.get(name)}, path), found.get(name.replace("weight", "bias"))
    raise BadData(f"holds a {type(found).__name__}, which is no probe", where=str(path), hint=WANTED)


def _weight(state: dict[str, Any], path: Path) -> torch.Tensor:
    weight = state.get("weight")
    if not isinstance(weight, torch.Tensor):
        raise BadData("holds no weight of a linear layer", where=str(path), hint=WANTED)
    return weight
