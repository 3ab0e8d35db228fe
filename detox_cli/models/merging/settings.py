"""The values of a merge for one tensor."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Values:
    """What a method may use; each names what it reads.

    Attributes:
        weights: The weight of every model.
        densities: The share of every task vector that is kept.
        gammas: The share of the largest numbers that ``breadcrumbs`` drops.
        epsilons: How far from its density ``della`` moves the smallest and largest numbers of a row.
        normalize: Divide by the sum of the weights that took part.
        rescale: Divide what is kept at random by the probability with which it is kept.
        scale: What the merged task vector is multiplied by (mergekit: ``lambda``).
        t: Where between two models, from 0 to 1 (slerp).
        keys: The random stream of every model, see ``draws``.
    """

    weights: tuple[float, ...]
    densities: tuple[float, ...] = ()
    gammas: tuple[float, ...] = ()
    epsilons: tuple[float, ...] = ()
    normalize: bool = False
    rescale: bool = False
    scale: float = 1.0
    t: float = 0.5
    keys: tuple[int, ...] = field(default=())
