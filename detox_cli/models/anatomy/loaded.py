"""The anatomy of a model in memory."""

import re
from typing import Any

from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.anatomy.read import read_anatomy

ADAPTER = re.compile(r"\.lora_\w+\.")


def anatomy_of(model: Any, targets: str | None = None) -> Anatomy:
    """Where a loaded model keeps what, by the names of its ``state_dict``; see ``read_anatomy``.

    A weight in 4 bits counts with the shape that it stands for; what it is decoded with does not count.
    Adapters of peft do not count either, and what they are wrapped around has the name that it would have
    without them; ``model`` is then what ``get_base_model`` gives.
    """
    own = dict(model.named_parameters(remove_duplicate=False)) | dict(model.named_buffers())
    shapes = {
        name.replace(".base_layer", ""): _shape(own[name])
        for name in model.state_dict()
        if name in own and not ADAPTER.search(name)
    }
    return read_anatomy(model.config.to_dict(), shapes, targets)


def _shape(weight: Any) -> tuple[int, ...]:
    state = getattr(weight, "quant_state", None)
    return tuple(weight.shape if state is None else state.shape)
