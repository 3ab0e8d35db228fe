"""The same edits as an adapter: exact, of rank k, for PEFT; the weights stay as they are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModelForCausalLM

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.anatomy.parts import Writer
from detox_cli.models.checkpoint.folder import Checkpoint
from detox_cli.models.checkpoint.numbers import decode
from detox_cli.models.checkpoint.plan import Plan, Target
from detox_cli.models.checkpoint.tiles import panels, read_panel
from detox_cli.models.checkpoint.write import tiles

Numbers = NDArray[np.float32]

WRITE_WEIGHTS = "write the edited weights instead of an adapter"
REFUSED_BY_PEFT = frozenset({"mamba", "mamba2", "falcon_mamba"})


@dataclass(frozen=True)
class _Wrapped:
    """A module (or fused parameter) of the loaded model, and the stored targets that it is made of.

    ``turned`` says that PEFT takes the stream for the input of these experts, as they lie ``[E, in, out]``
    and their module does not say so; A and B then change places.
    """

    writer: Writer
    targets: tuple[Target, ...]
    turned: bool


def write_adapter(checkpoint: Checkpoint, plan: Plan, folder: Path, base: str) -> None:
    """Write the edits of ``plan`` as a LoRA adapter into an existing folder.

    For ``W' = W - s R (R^T W)`` the factors are ``B = -s R`` and ``A = R^T W``, so the adapter is exact in
    the precision of the arithmetic, without a decomposition. Fused experts become ``target_parameters``.

    Args:
        checkpoint: The model; its files are read tensor by tensor, it is not loaded.
        plan: What to do; where the head is tied, plan with ``untie``: an adapter changes the embedding alone.
        folder: Where to write.
        base: The name of the model that the adapter is for.

    Raises:
        BadSettings: The edits keep norms, which no small rank can.
        BadData: A bias would have to change, or a table whose module PEFT cannot wrap.
    """
    from peft import LoraConfig  # takes a second, and most edits write weights

    if any(target.edit.keep_norms for target in plan.targets):
        raise BadSettings("an adapter cannot keep norms", hint=WRITE_WEIGHTS)
    if checkpoint.config.get("model_type") in REFUSED_BY_PEFT:
        raise BadData("PEFT wraps no output projection of a state-space model", hint=WRITE_WEIGHTS)
    model = _skeleton(checkpoint)
    wrapped = _wrapped(checkpoint, plan, model)
    rank = max(target.edit.basis.shape[1] for target in plan.targets)
    tensors: dict[str, Numbers] = {}
    for part in wrapped:
        tensors |= _factors(part, rank)
    writers = [part.writer for part in wrapped]
    # In a model with fused experts PEFT takes every module named down_proj for an expert of older files.
    experts = any(map(_is_fused, writers))
    parameters = [w for w in writers if _is_fused(w) or (experts and _module(w).endswith(".down_proj"))]
    config = LoraConfig(
        r=rank,
        lora_alpha=rank,
        lora_dropout=0.0,
        target_modules=[_module(w) for w in writers if w not in parameters],
        target_parameters=[w.name for w in parameters] or None,
        fan_in_fan_out=any(_is_conv1d(p.writer) for p in wrapped),
        task_type="CAUSAL_LM",
        base_model_name_or_path=base,
        inference_mode=True,
    )
    config.save_pretrained(str(folder))
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def _skeleton(checkpoint: Checkpoint) -> Any:
    """The modules of the model without its weights."""
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(checkpoint.folder))


def _wrapped(checkpoint: Checkpoint, plan: Plan, model: Any) -> list[_Wrapped]:
    """For every stored target the module of the loaded model that holds it; biases must need no edit."""
    loaded = anatomy_of(model)
    stored: dict[tuple[int | None, str], list[Target]] = {}
    for target in plan.targets:
        if target.writer.bias:
            _check_bias(target)
        else:
            stored.setdefault((target.writer.block, target.writer.kind), []).append(target)
    found = []
    for writer in loaded.writers:
        targets = stored.get((writer.block, writer.kind), [])
        if targets and not writer.bias:
            module = model.get_submodule(_module(writer))
            _check_module(writer, targets, module)
            turned = _is_fused(writer) and writer.axis == -1 and not getattr(module, "is_transposed", False)
            found.append(_Wrapped(writer, tuple(targets), turned))
    return found


def _check_bias(target: Target) -> None:
    if target.edit.offset is not None or any(along.any() for along in _components(target)):
        raise BadData(
            f"{target.writer.name} writes along the direction too, and an adapter cannot change a bias",
            hint=WRITE_WEIGHTS,
        )


def _check_module(writer: Writer, targets: list[Target], module: Any) -> None:
    own = len(targets) if targets[0].writer.expert is not None else None
    if own is not None and own != writer.shape[0]:
        wrong = f"{own} of {writer.shape[0]} experts are edited, an adapter needs all of them or none"
        raise BadData(wrong, where=writer.name, hint=WRITE_WEIGHTS)
    if writer.block is None:
        plain = type(module).forward is torch.nn.Embedding.forward or hasattr(module, "embed_scale")
        if not plain:
            raise BadData(f"{writer.name} is no plain table that PEFT can wrap", hint=WRITE_WEIGHTS)


def _factors(part: _Wrapped, rank: int) -> dict[str, Numbers]:
    """A and B of one module under the names that PEFT gives them."""
    stem = f"base_model.model.{_module(part.writer)}"
    pieces = [_pair(target, along, rank) for target in part.targets for along in _components(target)]
    a = np.stack([piece[0] for piece in pieces])
    b = np.stack([piece[1] for piece in pieces])
    if part.writer.block is None:
        return {f"{stem}.lora_embedding_A": a[0], f"{stem}.lora_embedding_B": b[0]}
    if part.turned:
        a, b = b.transpose(0, 2, 1), a.transpose(0, 2, 1)
    # PEFT keeps A of experts as [experts * rank, in] and B as [out, rank * experts]
    joined = b.transpose(1, 2, 0).reshape(b.shape[1], -1)
    rows = a.reshape(-1, a.shape[-1])
    return {
        f"{stem}.lora_A.weight": np.ascontiguousarray(rows),
        f"{stem}.lora_B.weight": np.ascontiguousarray(joined),
    }


def _pair(target: Target, components: NDArray[np.float64], rank: int) -> tuple[Numbers, Numbers]:
    """``A [rank, n]`` and ``B [d, rank]``; directions that are missing to the rank are zeros."""
    edit = target.edit
    missing = rank - edit.basis.shape[1]
    if edit.offset is not None:
        components = components - edit.offset[:, None]
    a = np.pad(components, ((0, missing), (0, 0)))
    b = np.pad(-edit.strength * edit.basis, ((0, 0), (0, missing)))
    return a.astype(np.float32), b.astype(np.float32)


def _components(target: Target) -> list[NDArray[np.float64]]:
    """``R^T W`` ``[k, n]`` of a tensor, one for each of its experts."""
    along = []
    with target.stored.file.open("rb", buffering=0) as file:
        for panel in panels(target.stored, target.writer.axis):
            for tile in tiles(read_panel(file, target.stored, panel), panel):
                along.append(target.edit.basis.T @ decode(tile, target.stored.dtype))
    experts = target.writer.shape[0] if _is_fused(target.writer) else 1
    return np.split(np.concatenate(along, axis=1), experts, axis=1)


def _is_fused(writer: Writer) -> bool:
    return len(writer.shape) == 3


def _is_conv1d(writer: Writer) -> bool:
    return writer.axis == -1 and writer.block is not None and not _is_fused(writer)


def _module(writer: Writer) -> str:
    """The module that holds a tensor."""
    return writer.name.rpartition(".")[0]
