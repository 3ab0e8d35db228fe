"""``direction.safetensors``: what was measured in a model, and what was chosen to be removed from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData, DetoxError
from detox_cli.models.activations.moments import Moments
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.directions import Floats
from detox_cli.models.removal import Mode, Removal
from detox_cli.runs.atomic import atomic_file

FORMAT = "detox-directions-1"
KEY = "detox"
STATISTICS = ("count", "mean", "mean_square", "largest")
STRENGTHS = ("bases", "attention", "mlp")
AGAIN = "measure it again"


@dataclass(frozen=True)
class Measured:
    """The residual stream on two sets of prompts, and where it was measured.

    Attributes:
        positive: On prompts that show the behaviour to be removed.
        negative: On prompts that do not.
        contrast: Which two sets these are: ``refusal``, ``task``, ``toxicity`` or ``files``.
        model: The fingerprint of the model.
        tokens: What stands at each position, the last one last; only for eyes.
        prompts: A hash of each set's prompts, ``positive`` and ``negative``.
        winsorize: The quantile to which values were limited.
    """

    positive: Moments
    negative: Moments
    contrast: str
    model: str
    tokens: tuple[str, ...] = ()
    prompts: Mapping[str, str] = field(default_factory=dict)
    winsorize: float = 1.0

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions, from the first to the last, which is -1."""
        return tuple(range(-self.positive.positions, 0))

    @property
    def layers(self) -> int:
        """How many blocks the model has."""
        return self.positive.layers

    def difference(self, mask_massive: bool = False) -> Floats:
        """Mean of the positive minus mean of the negative set, ``[P, L, d]``, not normalised.

        Difference of means as in Arditi et al., NeurIPS 2024 (arXiv 2406.11717), section 2.3.

        Args:
            mask_massive: Set dimensions with massive activations in either set to zero.
        """
        found = self.positive.mean - self.negative.mean
        if mask_massive:
            found[self.positive.massive() | self.negative.massive()] = 0.0
        return found

    def separation(self, mask_massive: bool = False) -> Floats:
        """How far the two sets lie apart along their difference, in standard deviations, ``[P, L]``.

        The deviation is that of both sets pooled, with its dimensions taken as uncorrelated, as no more is
        measured. Not a number where a set has no such position, or where nothing differs.
        """
        difference = self.difference(mask_massive)
        squares = np.square(difference)
        pooled = (self.positive.variance + self.negative.variance) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = squares.sum(-1) / np.sqrt((squares * pooled).sum(-1))
        return found

    def check_fits(self, anatomy: Anatomy) -> None:
        """Raise ``BadData`` if these numbers cannot come from a model of this anatomy."""
        found, own = (self.layers, self.positive.width), (len(anatomy.blocks), anatomy.width)
        if found != own:
            raise BadData(
                f"the direction is of a model with {found[0]} layers of width {found[1]}, this one has "
                f"{own[0]} of width {own[1]}",
                hint=AGAIN,
            )


@dataclass(frozen=True)
class Directions:
    """What a direction file holds.

    Attributes:
        measured: The statistics.
        removal: What was chosen, if it was.
        origin: Where it comes from, such as ``{"position": -1, "layer": 12}``; JSON values.
    """

    measured: Measured
    removal: Removal | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)


def save_directions(
    path: str | Path,
    measured: Measured,
    removal: Removal | None = None,
    origin: Mapping[str, Any] | None = None,
) -> None:
    """Write a direction file; the same content gives the same bytes.

    Raises:
        DetoxError: It cannot be written.
    """
    about = {
        "format": FORMAT,
        "contrast": measured.contrast,
        "model": measured.model,
        "tokens": list(measured.tokens),
        "prompts": dict(measured.prompts),
        "winsorize": measured.winsorize,
        "origin": dict(origin or {}),
        "removal": removal and {"mode": removal.mode, "embedding": removal.embedding},
    }
    tensors = _statistics("positive", measured.positive) | _statistics("negative", measured.negative)
    if removal is not None:
        parts = {name: getattr(removal, name) for name in (*STRENGTHS, "offset")}
        tensors |= {f"removal.{name}": part for name, part in parts.items() if part is not None}
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    with atomic_file(path) as temporary:
        save_file(whole, temporary, {KEY: json.dumps(about, sort_keys=True, ensure_ascii=False)})


def read_directions(path: str | Path) -> Directions:
    """Read a direction file, bit for bit what was saved.

    Raises:
        BadData: There is no such file, it is damaged, or it is something else.
    """
    about, tensors = _read(Path(path))
    try:
        measured = Measured(
            positive=_moments("positive", tensors),
            negative=_moments("negative", tensors),
            contrast=str(about["contrast"]),
            model=str(about["model"]),
            tokens=tuple(about["tokens"]),
            prompts=about["prompts"],
            winsorize=float(about["winsorize"]),
        )
        return Directions(measured, _removal(about["removal"], tensors), about["origin"])
    except (KeyError, TypeError, ValueError, DetoxError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadData(f"is a damaged direction file: {what}", where=str(path), hint=AGAIN) from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    if not path.is_file():
        raise BadData(
            "there is no such direction file",
            where=str(path),
            hint="check the path; detox abliterate --measure-only writes one",
        )
    try:
        with safe_open(path, framework="np") as file:
            about = parse_json((file.metadata() or {}).get(KEY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise BadData(f"cannot be read as a direction file: {error}", where=str(path), hint=AGAIN) from error
    if about.get("format") != FORMAT:
        found = about.get("format") or "no note of this program"
        raise BadData(f"is no direction file: it has {found}", where=str(path), hint=f"wanted is {FORMAT}")
    return about, tensors


def _statistics(name: str, moments: Moments) -> dict[str, NDArray[Any]]:
    return {f"{name}.{part}": getattr(moments, part) for part in STATISTICS}


def _moments(name: str, tensors: Mapping[str, NDArray[Any]]) -> Moments:
    found = Moments(**{part: tensors[f"{name}.{part}"] for part in STATISTICS})
    shape = tensors["positive.mean"].shape
    right = len(shape) == 3 and found.count.shape == shape[:1]
    if not right or {found.mean.shape, found.mean_square.shape, found.largest.shape} != {shape}:
        raise ValueError(f"the {name} statistics have shapes that do not fit each other")
    return found


def _removal(about: Mapping[str, Any] | None, tensors: Mapping[str, NDArray[Any]]) -> Removal | None:
    if about is None:
        return None
    if about["mode"] not in get_args(Mode):
        raise ValueError(f"unknown mode {about['mode']}")
    bases, attention, mlp = (tensors[f"removal.{name}"] for name in STRENGTHS)
    embedding, offset = float(about["embedding"]), tensors.get("removal.offset")
    return Removal(bases, about["mode"], embedding, attention, mlp, offset)
