"""Drift of every tensor, and how much of it lies in the toxic subspace."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detox_cli.models.comparison.drift import Drift, Overlap, drifts, leading_basis, overlaps
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.ranking import Ranked, stacked
from detox_cli.services.probe.opened import Opened
from detox_cli.services.probe_diff.result import KindRow, TensorRow


@dataclass(frozen=True)
class Subspaces:
    """Orthonormal bases ``[d, k]``: of the vectors nearest to the probe, the probe, and by chance.

    The same number of value vectors is drawn from all for each one by chance: what value vectors have in
    common whatever they say is then no finding.
    """

    toxic: Floats
    probe: Floats
    random: list[Floats]

    @property
    def bases(self) -> list[Floats]:
        """All of them, in this order."""
        return [self.toxic, self.probe, *self.random]


def subspaces(
    opened: Opened, ranked: Ranked, direction: Floats, k: int, of: int, random: int, seed: int
) -> Subspaces:
    """The toxic subspace of ``of`` value vectors, and ``random`` others."""
    vectors, total = opened.vectors, opened.vectors.neurons.total
    of = min(of, total)
    generator = np.random.default_rng(seed)
    draws = [generator.choice(total, of, replace=False) for _ in range(random)]
    neurons = [[vectors.neurons.at(int(place)) for place in draw] for draw in draws]
    places = {neuron: i for i, neuron in enumerate(dict.fromkeys(n for draw in neurons for n in draw))}
    rows = stacked(vectors, list(places)) if places else np.zeros((0, len(direction)))
    chance = [leading_basis(rows[[places[neuron] for neuron in draw]], k) for draw in neurons]
    return Subspaces(leading_basis(stacked(vectors, ranked.top(of)), k), direction[:, None], chance)


def tensor_rows(base: Opened, other: Opened, spaces: Subspaces) -> tuple[list[TensorRow], list[KindRow]]:
    """Every tensor, and all of each kind together.

    Raises:
        BadData: The models do not have the same tensors.
    """
    anatomy = base.vectors.neurons.anatomy
    moved = list(drifts(base.model, other.model, anatomy))
    found = {one.name: one for one in overlaps(base.model, other.model, anatomy, spaces.bases)}
    whole = sum(one.step**2 for one in moved)
    rows = [_tensor(one, found.get(one.name), whole) for one in moved]
    kinds = list(dict.fromkeys(one.kind for one in moved))
    return rows, [_kind(kind, moved, found, whole, spaces) for kind in kinds]


def _tensor(one: Drift, overlap: Overlap | None, whole: float) -> TensorRow:
    shares = overlap.shares if overlap is not None else None
    return TensorRow(
        name=one.name,
        layer=one.layer,
        kind=one.kind,
        size=one.size,
        step=one.step,
        relative=one.step / one.length if one.length else None,
        cosine=one.cosine,
        rank=one.rank,
        share=one.step**2 / whole if whole else 0.0,
        toxic=shares[0] if shares else None,
        probe=shares[1] if shares else None,
        by_chance=float(np.quantile(shares[2:], 0.95)) if shares else None,
    )


def _kind(
    kind: str, moved: Sequence[Drift], found: dict[str, Overlap], whole: float, spaces: Subspaces
) -> KindRow:
    mine = [one for one in moved if one.kind == kind]
    square = sum(one.step**2 for one in mine)
    lengths = sum(one.length**2 for one in mine)
    written = [found[one.name] for one in mine if one.name in found]
    shares = None
    if written:
        weights = np.array([one.square for one in written])
        shares = weights @ np.array([one.shares for one in written]) / weights.sum()
    chance = shares[2:] if shares is not None else None
    return KindRow(
        kind=kind,
        tensors=len(mine),
        changed=sum(one.step > 0 for one in mine),
        relative=(square / max(lengths, 1e-30)) ** 0.5,
        share=square / whole if whole else 0.0,
        toxic=float(shares[0]) if shares is not None else None,
        expected=spaces.toxic.shape[1] / spaces.toxic.shape[0] if shares is not None else None,
        random_mean=float(chance.mean()) if chance is not None else None,
        random_high=float(np.quantile(chance, 0.95)) if chance is not None else None,
        p=float((1 + (chance >= shares[0]).sum()) / (1 + len(chance)))
        if shares is not None and chance is not None
        else None,
    )
