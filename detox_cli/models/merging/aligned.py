"""Models of one kind whose files name their tensors in other ways, seen under the names of one of them."""

from collections.abc import Mapping

from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.merging.block import Numbers
from detox_cli.models.merging.sources import Shape, Weights


class RenamedWeights:
    """Weights under other names; what has no new name is not seen."""

    def __init__(self, weights: Weights, names: Mapping[str, str]) -> None:
        """``names`` leads from a new name to the one in ``weights``."""
        self.name = weights.name
        self.shapes: Mapping[str, Shape] = {new: weights.shapes[old] for new, old in names.items()}
        self.types = {new: weights.types[old] for new, old in names.items()}
        self._weights, self._names = weights, names

    def rows(self, tensor: str, first: int, last: int) -> Numbers:
        """As ``Weights`` says."""
        return self._weights.rows(self._names[tensor], first, last)


def under_names_of(
    reference: Weights, as_stored: Checkpoint, weights: Weights, checkpoint: Checkpoint
) -> Weights:
    """The weights of a model under the names of the reference, where it is clear which is which.

    Two things differ between checkpoints of one model: the trunk may be named (``transformer.h.0`` or
    ``h.0``), and a head that is the token embedding may be stored under its own name as well, or not.
    What is still missing or left over afterwards is for the plan to name.

    Args:
        reference: The model that says what there is.
        as_stored: Its files.
        weights: The other model.
        checkpoint: Its files.
    """
    if set(reference.shapes) == set(weights.shapes):
        return weights
    try:
        there, here = as_stored.anatomy(), checkpoint.anatomy()
    except BadData:  # a family that is not known: names are compared as they are
        return weights
    names = {name: old for name in reference.shapes if (old := _old_name(name, weights, there, here))}
    aside = _copy_of_embedding(here)
    left = [name for name in weights.shapes if name not in names.values() and name not in aside]
    return RenamedWeights(weights, names | {name: name for name in left})


def _old_name(name: str, weights: Weights, there: Anatomy, here: Anatomy) -> str | None:
    inner = name.removeprefix(there.trunk) if name.startswith(there.trunk) else name
    table = here.token_embedding
    head = table.name if table and here.tied and name == there.head else name
    candidates = (name, here.trunk + inner, head)
    return next((old for old in candidates if old in weights.shapes), None)


def _copy_of_embedding(anatomy: Anatomy) -> set[str]:
    """What a tied model stores a second time, if it does."""
    table = anatomy.token_embedding
    return {anatomy.head} - {table.name} if table and anatomy.tied else set()
