"""The anatomy of a model in memory."""

from typing import Any

from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.anatomy.read import read_anatomy


def anatomy_of(model: Any, targets: str | None = None) -> Anatomy:
    """Where a loaded model keeps what, by the names of its ``state_dict``; see ``read_anatomy``.

    A weight in 4 bits counts with the shape that it stands for; what it is decoded with does not count.
    """
    own = dict(model.named_parameters(remove_duplicate=False)) | dict(model.named_buffers())
    shapes = {name: _shape(own[name]) for name in model.state_dict() if name in own}
    return read_anatomy(model.config.to_dict(), shapes, targets)


def _shape(weight: Any) -> tuple[int, ...]:
    state = getattr(weight, "quant_state", None)
    return tuple(weight.shape if state is None else state.shape)
