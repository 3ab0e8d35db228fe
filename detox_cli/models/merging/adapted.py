"""A model with a LoRA adapter on it, as weights: what it adds is worked out for the rows that are read."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detox_cli.errors import BadData
from detox_cli.models.adapters import CONFIG, WEIGHTS, Adapter
from detox_cli.models.anatomy.read import is_tied
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.header import read_header
from detox_cli.models.merging.block import Numbers, matrix_shape
from detox_cli.models.merging.sources import StoredWeights, Weights

STORED_ON_THEIR_SIDE = ("gpt2", "openai-gpt", "imagegpt", "decision_transformer")
"""Families whose linear layers are stored ``[in, out]``."""
PREFIX = "base_model.model."
SAVED_TOO = ".base_layer"
"""What stands in the name of an embedding that peft saved beside what it adds to it."""
PAIRS = (("lora_A.weight", "lora_B.weight"), ("lora_embedding_A", "lora_embedding_B"))
MAGNITUDE = ("lora_magnitude_vector", "lora_magnitude_vector.weight")
TABLES = re.compile(r"embed_tokens|word_embeddings|wte|lm_head|embed_out|shared")
OTHER_BASE = ("pissa", "olora", "corda", "loftq")
"""Ways to begin an adapter that change the weights of the base too."""


@dataclass(frozen=True)
class Patch:
    """What an adapter does to one tensor.

    Attributes:
        left: ``[rows, rank]``, scaled.
        right: ``[rank, columns]``; the tensor gets ``left @ right`` added (Hu et al., 2021).
        lengths: The length of every row afterwards, if directions and lengths were trained apart (DoRA, Liu
            et al., 2024, arXiv 2402.09353, equation 5).
    """

    left: Numbers
    right: Numbers
    lengths: Numbers | None = None

    def apply(self, numbers: Numbers, first: int, last: int) -> Numbers:
        """The rows ``first`` to ``last - 1`` with the adapter; ``numbers`` are used up."""
        numbers += self.left[first:last] @ self.right
        if self.lengths is not None:
            numbers *= (self.lengths[first:last] / np.linalg.norm(numbers, axis=1))[:, None]
        return numbers


class AdaptedWeights:
    """A base with an adapter; a ``Weights`` of its own.

    Args:
        base: The weights of the model.
        checkpoint: Its files.
        adapter: What is put on it.
        name: As the user named both.

    Raises:
        BadData: The adapter is for another model, changes a table that is also the head, or holds what
            cannot be added to weights.
    """

    def __init__(self, base: Weights, checkpoint: Checkpoint, adapter: Adapter, name: str) -> None:
        self.name = name
        self.shapes, self.types = base.shapes, base.types
        self._base = base
        config = _read_config(adapter)
        found = read_header(adapter.folder / WEIGHTS)
        self._own = StoredWeights(Checkpoint(adapter.folder, {}, (WEIGHTS,), found), adapter.name)
        reader = _Reader(self._own, base, checkpoint, config, adapter)
        self.patches, self.replaced = reader.patches(), reader.replaced

    def rows(self, tensor: str, first: int, last: int) -> Numbers:
        """As ``Weights`` says."""
        own = self.replaced.get(tensor)
        numbers = self._own.rows(own, first, last) if own else self._base.rows(tensor, first, last)
        patch = self.patches.get(tensor)
        return patch.apply(numbers, first, last) if patch else numbers


class _Reader:
    """From the keys of an adapter file to patches."""

    def __init__(
        self,
        own: StoredWeights,
        base: Weights,
        checkpoint: Checkpoint,
        config: Mapping[str, Any],
        adapter: Adapter,
    ) -> None:
        self._own, self._base, self._config, self._adapter = own, base, config, adapter
        self._checkpoint = checkpoint
        self.replaced: dict[str, str] = {}

    def patches(self) -> dict[str, Patch]:
        left, patches = set(self._own.shapes), {}
        for key in sorted(self._own.shapes):
            for down, up in PAIRS:
                if key.endswith("." + down):
                    stem = key.removesuffix(down)
                    tensor = self._tensor(stem.rstrip(".") + ".weight", key)
                    patches[tensor] = self._patch(stem, down, up, tensor)
                    left -= {key, stem + up, *(stem + word for word in MAGNITUDE)}
        for key in sorted(left):
            if ".lora_" in key or not key.endswith((".weight", ".bias")):
                raise self._wrong(f"holds {key}, which cannot be added to weights")
            tensor = self._tensor(key, key)
            if self._base.shapes[tensor] != self._own.shapes[key]:
                raise self._wrong(f"holds {key} of another shape than the model")
            self.replaced[tensor] = key
        for tensor in (*patches, *self.replaced):
            self._refuse_tied(tensor)
        return patches

    def _patch(self, stem: str, down: str, up: str, tensor: str) -> Patch:
        if stem + up not in self._own.shapes:
            raise self._wrong(f"lacks {stem + up}")
        a, b = self._whole(stem + down), self._whole(stem + up)
        scale = np.float32(self._scale(stem.removeprefix(PREFIX).rstrip("."), a.shape[0]))
        turned = down == "lora_embedding_A" or self._turned()
        left, right = (a.T * scale, b.T) if turned else (b * scale, a)
        if left.shape[1] != right.shape[0] or (len(left), right.shape[1]) != matrix_shape(
            self._base.shapes[tensor]
        ):
            made = [len(left), right.shape[1]]
            raise self._wrong(f"makes {made} of {tensor}, which is {list(self._base.shapes[tensor])}")
        magnitude = next((stem + word for word in MAGNITUDE if stem + word in self._own.shapes), None)
        if magnitude and turned:
            raise self._wrong(f"holds {magnitude}, and DoRA of this layer is not built")
        lengths = self._whole(magnitude).reshape(-1) if magnitude else None
        return Patch(np.ascontiguousarray(left), np.ascontiguousarray(right), lengths)

    def _whole(self, key: str) -> Numbers:
        return self._own.rows(key, 0, matrix_shape(self._own.shapes[key])[0])

    def _turned(self) -> bool:
        family = str(self._checkpoint.config.get("model_type"))
        return bool(self._config.get("fan_in_fan_out")) or family in STORED_ON_THEIR_SIDE

    def _scale(self, module: str, rank: int) -> float:
        alpha = float(self._config.get("lora_alpha") or rank)
        for pattern, own in (self._config.get("alpha_pattern") or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                alpha = float(own)
        return alpha / (math.sqrt(rank) if self._config.get("use_rslora") else rank)

    def _tensor(self, key: str, where: str) -> str:
        """The tensor of the model that a key of the adapter means; checkpoints may leave out the trunk."""
        parts = key.removeprefix(PREFIX).replace(SAVED_TOO, "").split(".")
        for first in range(len(parts) - 1):
            if (name := ".".join(parts[first:])) in self._base.shapes:
                return name
        raise self._wrong(f"changes {where.removeprefix(PREFIX)}, which the model lacks")

    def _refuse_tied(self, tensor: str) -> None:
        if tensor in tied_tables(self._checkpoint):
            raise self._wrong(
                f"changes {tensor}, which is token embedding and output head in one: added up, it would "
                "change both",
                hint="keep it as an adapter, or train without this layer",
            )

    def _wrong(self, message: str, hint: str = "name the model that it was trained on") -> BadData:
        return BadData(f"the adapter {message}", where=str(self._adapter.folder / WEIGHTS), hint=hint)


def tied_tables(checkpoint: Checkpoint) -> set[str]:
    """The tensors that are token embedding and output head in one; none where these are two."""
    try:
        anatomy = checkpoint.anatomy()
    except BadData:  # of an unknown family only the usual names are known
        tied = is_tied(checkpoint.config, False)
        return {name for name in checkpoint.tensors if tied and TABLES.search(name)}
    table = anatomy.token_embedding
    return {anatomy.head, *([table.name] if table else [])} if anatomy.tied else set()


def _read_config(adapter: Adapter) -> Mapping[str, Any]:
    path = Path(adapter.folder / CONFIG)
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    begun = str(config.get("init_lora_weights", ""))
    if begun.lower().startswith(OTHER_BASE):
        raise BadData(
            f"began with {begun}, which changes the base too", where=str(path), hint="convert it first"
        )
    if config.get("layer_replication"):
        raise BadData(
            "replicates layers, which cannot be merged",
            where=str(path),
            hint="merge it into its model with the library that made it",
        )
    return config
