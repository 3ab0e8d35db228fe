"""A linear probe, and where in a model it reads. Float64, no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadData
from detox_cli.models.directions import Floats, through_gain

Pooling = Literal["mean", "last", "max"]
Method = Literal["logistic", "mean-difference", "lda", "published"]

EMBEDDING = -1
"""The layer of what enters the first block."""


@dataclass(frozen=True)
class ProbeSite:
    """What a probe reads.

    Attributes:
        model: As the user wrote it; empty where nobody knows.
        revision: The commit of a hub model.
        fingerprint: The identity of the model's content; empty where nobody knows.
        layers: How many blocks the model has; ``None`` where nobody knows.
        layer: The residual stream after this block, from 0; ``EMBEDDING`` is before the first. ``None`` is
            the last block of a model of which nobody knows how many it has.
        after_norm: Whether the final norm is applied too, which is only so after the last block.
        pooling: How the tokens of a text become one vector.
    """

    model: str = ""
    revision: str | None = None
    fingerprint: str = ""
    layers: int | None = None
    layer: int | None = None
    after_norm: bool = False
    pooling: Pooling = "mean"

    def __post_init__(self) -> None:
        if self.pooling not in get_args(Pooling):
            raise ValueError(f"unknown pooling {self.pooling}")

    @property
    def place(self) -> str:
        """For messages and tables: ``embedding``, ``layer 3``, ``layer 11 after the final norm``."""
        name = "last layer" if self.layer is None else f"layer {self.layer}"
        name = "embedding" if self.layer == EMBEDDING else name
        return f"{name} after the final norm" if self.after_norm else name


@dataclass(frozen=True)
class LinearProbe:
    """``score = direction . x + bias``, with x a pooled hidden state as it is, and P = sigmoid(score).

    A probe that was fitted on standardised features is folded: ``direction`` and ``bias`` are those for the
    features as they are. The weights of the standardised features are ``standardised``.

    Attributes:
        direction: ``[d]``, pointing to texts that have the label.
        bias: Where the score is zero; 0 for a probe that has none.
        site: What it reads.
        method: How it was found.
        label: What a high score says, such as ``toxic``.
        mean: Means of the features that it was fitted on, ``[d]``.
        scale: Their standard deviations, ``[d]``; 1 for a feature that does not vary.
        figures: What was measured of it, as JSON values.
    """

    direction: Floats
    bias: float = 0.0
    site: ProbeSite = ProbeSite()
    method: Method = "logistic"
    label: str = "toxic"
    mean: Floats | None = None
    scale: Floats | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = [part for part in (self.direction, self.mean, self.scale) if part is not None]
        if self.direction.ndim != 1 or any(part.shape != self.direction.shape for part in parts):
            raise ValueError(f"its parts have the shapes {[part.shape for part in parts]}")
        if not all(np.isfinite(part).all() for part in parts) or not np.isfinite(self.bias):
            raise ValueError("it holds numbers that are not finite")
        if not self.direction.any():
            raise ValueError("its direction is zero")
        if self.method not in get_args(Method):
            raise ValueError(f"unknown method {self.method}")

    @property
    def width(self) -> int:
        """The size d of the hidden states that it reads."""
        return int(self.direction.shape[0])

    @property
    def unit(self) -> Floats:
        """The direction with length 1, ``[d]``."""
        return self.direction / float(np.linalg.norm(self.direction))

    @property
    def standardised(self) -> Floats:
        """The weights of features that are divided by ``scale``; the direction where there is no scale."""
        return self.direction if self.scale is None else self.direction * self.scale

    def scores(self, states: NDArray[np.floating]) -> Floats:
        """The score of pooled states ``[n, d]``, ``[n]``; above 0 is the label.

        Raises:
            BadData: The states have another width.
        """
        self.check_fits(int(states.shape[-1]))
        return np.asarray(states @ self.direction + self.bias, dtype=np.float64)

    def before_norm(self, gain: Floats, centred: bool) -> Floats:
        """The direction with length 1 that it reads through a norm, ``[d]``: the stream before the norm.

        Compare this with what blocks write, not ``unit``: those are added before the final norm.

        Args:
            gain: What the norm multiplies by (one plus its weight where it is stored so), ``[d]``.
            centred: Whether the norm takes the mean off (LayerNorm).

        Raises:
            BadData: The norm has another width.
        """
        self.check_fits(int(gain.shape[0]), "the norm")
        found: Floats = through_gain(self.unit[:, None], gain, centred)[:, 0]
        return found

    def check_fits(self, width: int, what: str = "the model", where: str | None = None) -> None:
        """Raise ``BadData`` if it cannot read hidden states of this width."""
        if width != self.width:
            raise BadData(
                f"the probe is of width {self.width}, {what} has width {width}",
                where=where,
                hint="name a probe that was trained on this model: detox probe train",
            )
