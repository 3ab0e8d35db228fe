"""What an operation and a dose make of coefficients, and whether that strengthens them."""

from collections.abc import Sequence

from detox_cli.models.neurons.changing import Change
from detox_cli.settings.probe_intervene import Op


def change_of(op: Op, dose: float, usual: Sequence[float]) -> Change:
    """What becomes of each coefficient c.

    Args:
        op: ``scale``, ``zero``, ``offset`` or ``add``, ``set``, ``mean``, ``clamp``.
        dose: How much of it.
        usual: The usual coefficient of each neuron, for ``mean``; else anything as long.
    """
    n = len(usual)
    if op == "scale":
        return Change((dose,) * n, (0.0,) * n)
    if op == "zero":
        return Change((1 - dose,) * n, (0.0,) * n)
    if op in ("offset", "add"):
        return Change((1.0,) * n, (dose,) * n)
    if op == "set":
        return Change((0.0,) * n, (dose,) * n)
    if op == "mean":
        return Change((1 - dose,) * n, tuple(dose * one for one in usual))
    return Change((1.0,) * n, (0.0,) * n, bound=dose)


def strengthens(op: Op, dose: float, cosines: Sequence[float]) -> bool:
    """Whether a dose can make what was chosen stronger than the model itself makes it.

    A neuron promotes what its vector points to where coefficient and cosine have one sign, so a constant
    strengthens those neurons whose cosine has its sign; without cosines all count as pointing there.

    Args:
        op: Of neurons, or ``add`` and ``project-out`` of a direction.
        dose: How much of it.
        cosines: Of the neurons with the probe; none if nobody says, or for a direction.
    """
    if op == "scale":
        return abs(dose) > 1
    if op in ("zero", "mean", "project-out"):
        return not 0 <= dose <= 2
    if op == "clamp":
        return False
    return any(dose * cosine > 0 for cosine in (cosines or (1.0,)))
