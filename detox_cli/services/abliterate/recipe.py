"""From a place in the measured stream to what is removed where: directions that the user names."""

from typing import Any

import numpy as np

from detox_cli.errors import BadSettings
from detox_cli.models.direction_file import Measured
from detox_cli.models.directions import Floats, orthonormal
from detox_cli.models.removal import Removal
from detox_cli.services.abliterate.choice.candidates import Strengths, direction
from detox_cli.settings.abliterate import AbliterateSettings

EACH = "each"


def named_by_hand(settings: AbliterateSettings) -> bool:
    """Whether the user says where the direction is taken, so that nothing is chosen.

    Raises:
        BadSettings: Only half of a place is given, or more than one direction is asked for there.
    """
    if (settings.position is None) != (settings.layer is None):
        raise BadSettings(
            "a direction is at a token and after a block", hint="give both --position and --layer"
        )
    if settings.position is None:
        return False
    if settings.directions > 1:
        raise BadSettings(
            "at a named place there is one direction",
            where="--directions",
            hint="leave --position and --layer out to choose among several",
        )
    return True


def check_blocks(settings: AbliterateSettings, layers: int) -> None:
    """Refuse, before any work, blocks that the model does not have.

    Raises:
        BadSettings: It has no such blocks, or what is given is none.
    """
    strengths_of(settings, layers)
    if settings.layer is not None and settings.layer != EACH:
        _number(settings.layer, layers)


def strengths_of(settings: AbliterateSettings, layers: int) -> Strengths:
    """How much is removed where.

    Raises:
        BadSettings: The model has no such blocks.
    """
    blocks = None
    if settings.edit_layers is not None:
        first, last = map(int, settings.edit_layers.split("-"))
        if not first <= last < layers:
            raise BadSettings(
                f"the model has blocks 0 to {layers - 1}, not {settings.edit_layers}",
                where="--edit-layers",
                hint="name blocks of the model, or leave it out for all",
            )
        blocks = (first, last)
    return Strengths(settings.embedding_strength, settings.attention_strength, settings.mlp_strength, blocks)


def named_removal(measured: Measured, settings: AbliterateSettings) -> tuple[Removal, dict[str, Any]]:
    """The removal at the place that the user names, and that place.

    Raises:
        BadSettings: There is no such place, or the strengths do not fit the mode.
    """
    position, layer, mode = settings.position, str(settings.layer), settings.mode[0]
    assert position is not None
    if -position > len(measured.positions):
        raise BadSettings(
            f"{position} was not measured, {measured.positions[0]} to -1 were",
            where="--position",
            hint="name one of these",
        )
    places = range(measured.layers) if layer == EACH else [_number(layer, measured.layers)]
    if mode == "affine" and layer == EACH:
        raise BadSettings(
            "affine removal is one direction in the whole model",
            where="--layer",
            hint="name one block, or choose another --mode",
        )
    differences, negative = (
        measured.difference(settings.mask_massive)[position],
        measured.negative.mean[position],
    )
    vectors = [direction(_at(differences, at), _at(negative, at), mode) for at in places]
    bases = np.stack([orthonormal(vector) for vector in vectors])
    offset = bases[0].T @ _at(negative, places[0]) if mode == "affine" else None
    return removal_of(bases, settings, measured.layers, offset), {
        "position": position,
        "layer": layer if layer == EACH else places[0],
        "chosen": "by hand",
    }


def removal_of(
    bases: Floats, settings: AbliterateSettings, layers: int, offset: Floats | None = None
) -> Removal:
    """Bases ``[n, d, k]`` in the first mode of the settings, with their strengths."""
    strengths = strengths_of(settings, layers)
    attention, mlp = strengths.per_block(layers)
    return Removal(bases, settings.mode[0], strengths.embedding, attention, mlp, offset)


def _number(layer: str, layers: int) -> float:
    try:
        number = float(layer)
    except ValueError:
        raise BadSettings(
            f"{layer} is neither a block nor the word {EACH}",
            where="--layer",
            hint="write a number, such as --layer 5, or --layer each",
        ) from None
    if not 0 <= number <= layers - 1:
        raise BadSettings(
            f"the model has blocks 0 to {layers - 1}, not {layer}", where="--layer", hint="name one of these"
        )
    return int(number) if number.is_integer() else number


def _at(values: Floats, layer: float) -> Floats:
    """``values`` ``[L, d]`` after a block; between two blocks their weighted mean."""
    below = int(layer)
    share = layer - below
    found: Floats = values[below] if not share else (1 - share) * values[below] + share * values[below + 1]
    return found
