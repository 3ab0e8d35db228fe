"""The configuration of a model whose layers are stacked."""

from collections.abc import Mapping
from typing import Any

from detox_cli.errors import BadData
from detox_cli.services.merge.prepared import Prepared

COUNTS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
"""What families call the number of layers."""
SLIDING = "max_window_layers"
"""Which layers attend to all from the first on; kept in step where it was all of them."""


def stacked_config(config: Mapping[str, Any], merge: Prepared) -> dict[str, Any]:
    """The configuration with the layers of the result: their number, and what is listed layer by layer.

    Args:
        config: Of the model that says what there is.
        merge: With ``layers``.

    Raises:
        BadData: It does not say how many layers there are.
    """
    inner = config.get("text_config")
    if isinstance(inner, Mapping) and _count(inner):
        return {**config, "text_config": _restacked(inner, merge)}
    return _restacked(config, merge)


def _restacked(config: Mapping[str, Any], merge: Prepared) -> dict[str, Any]:
    key = _count(config)
    if key is None:
        names = ", ".join(COUNTS)
        raise BadData(
            f"config.json holds none of {names}",
            where=merge.models.reference.weights.name,
            hint="name models whose config.json says how many layers they have",
        )
    count, changed = config[key], dict(config)
    changed[key] = len(merge.layers)
    if changed.get(SLIDING) == count:
        changed[SLIDING] = len(merge.layers)
    configs = {model.named: _text(model.checkpoint.config) for model in merge.models.everyone}
    for name, value in config.items():
        if isinstance(value, list) and len(value) == count:
            changed[name] = [configs[model].get(name, value)[layer] for model, layer in merge.layers]
    return changed


def _count(config: Mapping[str, Any]) -> str | None:
    return next((key for key in COUNTS if isinstance(config.get(key), int)), None)


def _text(config: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = config.get("text_config")
    return inner if isinstance(inner, Mapping) and _count(inner) else config
