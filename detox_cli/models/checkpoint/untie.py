"""Give a model whose head is its token embedding a head of its own, with the rows as they were."""

import json
from pathlib import Path
from typing import Any

from detox_cli.models.checkpoint.copying import copy_range
from detox_cli.models.checkpoint.folder import SINGLE, Checkpoint
from detox_cli.models.checkpoint.plan import Plan
from detox_cli.models.sources import INDEX

FIRST, HEAD = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
ADDED = "model-head.safetensors"


def write_untied_head(checkpoint: Checkpoint, plan: Plan, folder: Path) -> None:
    """Store the head of the source in a file of its own and say so in index and configuration.

    A source that stores a head already, though its configuration ties it, gets the configuration only.
    """
    name = str(plan.untied_head)
    if name not in checkpoint.tensors:
        embedding = next(t.stored for t in plan.targets if t.writer.kind == "embedding" and not t.writer.bias)
        head = ADDED
        if not checkpoint.sharded:
            (folder / SINGLE).rename(folder / FIRST)
            head = HEAD
        shape = {
            "dtype": embedding.dtype,
            "shape": list(embedding.shape),
            "data_offsets": [0, embedding.size],
        }
        text = json.dumps({"__metadata__": {"format": "pt"}, name: shape}, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        start = 8 + len(text)
        (folder / head).write_bytes(len(text).to_bytes(8, "little") + text)
        copy_range(embedding.file, embedding.start, folder / head, start, embedding.size)
        _write_index(checkpoint, folder, name, head, embedding.size)
    _untie_config(folder / "config.json")


def _write_index(checkpoint: Checkpoint, folder: Path, name: str, head: str, size: int) -> None:
    if checkpoint.sharded:
        index: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    else:
        total = sum(tensor.size for tensor in checkpoint.tensors.values())
        index = {"metadata": {"total_size": total}, "weight_map": dict.fromkeys(checkpoint.tensors, FIRST)}
    index["weight_map"][name] = head
    if "total_size" in index.get("metadata", {}):
        index["metadata"]["total_size"] += size
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _untie_config(path: Path) -> None:
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    config["tie_word_embeddings"] = False
    if isinstance(config.get("text_config"), dict):
        config["text_config"]["tie_word_embeddings"] = False
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
