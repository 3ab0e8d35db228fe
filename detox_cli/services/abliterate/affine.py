"""Affine removal puts a constant before the first block: whether a model has room for it."""

import numpy as np

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.numbers import decode
from detox_cli.models.checkpoint.tiles import panels, read_panel
from detox_cli.models.direction_file import Measured
from detox_cli.models.directions import Floats
from detox_cli.settings.abliterate import AbliterateSettings

MOST = 10.0
"""A constant that many times as long as a token's embedding is all that the first block sees."""


def check_affine(settings: AbliterateSettings, anatomy: Anatomy) -> None:
    """Refuse affine removal, before any work, where nothing can hold its constant.

    Raises:
        BadSettings: It is among the modes, and the embedding is the head too and stays, or takes none.
    """
    if "affine" not in settings.mode:
        return
    if anatomy.constant is None:
        raise BadSettings(
            f"a {anatomy.family} has no place for a constant before its first block",
            where="--mode affine",
            hint="use zero or projected",
        )
    if anatomy.tied and settings.tied == "skip" and anatomy.constant == anatomy.token_embedding:
        raise BadSettings(
            "affine removal changes the token embedding, which is the output head too",
            where="--tied",
            hint="untie the head (--tied untie) or edit both (--tied edit)",
        )


def check_constants(constants: Floats, checkpoint: Checkpoint, anatomy: Anatomy) -> None:
    """Refuse affine removal where each of ``constants`` would drown the tokens.

    The component of the negative prompts is measured after a block, and put into the token embedding. Where
    the stream grows much in the first blocks, it is far longer there than what tokens are told apart by.

    Raises:
        BadData: It would; the line says by how much.
    """
    usual = token_length(checkpoint, anatomy)
    if usual is None:
        return
    least = float(np.abs(constants).min()) / usual
    if least > MOST:
        raise BadData(
            "affine removal would put a constant into the token embedding that is at least "
            f"{least:.0f} times as long as a token there, as the stream grows that much in the first blocks",
            where="--mode affine",
            hint="use zero, projected or norm-preserving",
        )


def constants_of(measured: Measured, mask_massive: bool = False) -> Floats:
    """The component of the negative prompts along the direction of every place, ``[P, L]``."""
    differences = measured.difference(mask_massive)
    lengths = np.linalg.norm(differences, axis=-1)
    along = (differences * measured.negative.mean).sum(axis=-1)
    constants: Floats = np.divide(along, lengths, out=np.zeros_like(along), where=lengths > 0)
    return constants


def token_length(checkpoint: Checkpoint, anatomy: Anatomy) -> float | None:
    """The mean length of some thousand tokens as they enter the first block.

    ``None`` where the constant goes elsewhere than into the token embedding.
    """
    writer = anatomy.constant
    if writer is None or writer.bias or writer != anatomy.token_embedding:
        return None
    stored = checkpoint.tensors[writer.name]
    panel = next(iter(panels(stored, writer.axis)))
    with stored.file.open("rb", buffering=0) as file:
        rows = decode(read_panel(file, stored, panel), stored.dtype).astype(np.float64)
    return float(np.sqrt((rows**2).sum(axis=1)).mean()) * anatomy.embedding_scale
