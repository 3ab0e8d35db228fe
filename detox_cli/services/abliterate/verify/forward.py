"""The forward check: what the modules of a loaded model write along the directions on real prompts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import torch

from detox_cli.generation.steppers import last_logits
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.anatomy.parts import Anatomy, Writer
from detox_cli.models.directions import Floats, through_gains
from detox_cli.models.hooks import on_block_outputs, stream_of
from detox_cli.models.removal import Removal

MOST_PROMPTS = 16
"""Prompts of each set that are run; every token of each counts."""
STREAM = "stream"

Ids = Sequence[int]
Strength = tuple[int | None, float]
"""The block of a module, and how strongly it is edited."""


@torch.inference_mode()
def largest_shares(
    model: Any, prompts: Sequence[Ids], removal: Removal, targets: str | None = None
) -> dict[str, float]:
    """The largest |r . y| / |y| over all tokens of all prompts, by module, and of the residual stream.

    Args:
        model: Loaded, in evaluation mode.
        prompts: Token ids; those of one length are run together, so there is no padding.
        removal: The directions r, of which each module has its own where a norm follows it.
        targets: For a family that is not known.

    Returns:
        Shares by the path of a module, and under ``STREAM`` that of what all blocks put out. A module that is
        never called is not among them.
    """
    anatomy = anatomy_of(model, targets)
    found: dict[str, float] = {}

    def seen(name: str, output: torch.Tensor, basis: Floats) -> None:
        vectors = output.float().reshape(-1, output.shape[-1])
        along = (vectors @ torch.from_numpy(basis).to(vectors)).norm(dim=-1)
        share = (along / vectors.norm(dim=-1).clamp(min=1e-30)).max()
        found[name] = max(found.get(name, 0.0), float(share))

    def stream(block: int, output: torch.Tensor) -> None:
        seen(STREAM, output, removal.bases[0 if len(removal.bases) == 1 else block])

    with ExitStack() as stack:
        for path, basis in _module_bases(model, anatomy, removal):
            handle = model.get_submodule(path).register_forward_hook(_hook(path, basis, seen))
            stack.callback(handle.remove)
        stack.enter_context(on_block_outputs(model, anatomy, stream))
        for rows in _of_one_length(prompts):
            last_logits(model, input_ids=torch.tensor(rows, device=model.device), use_cache=False)
    return found


def _of_one_length(prompts: Sequence[Ids]) -> list[list[list[int]]]:
    found: dict[int, list[list[int]]] = {}
    for ids in prompts:
        found.setdefault(len(ids), []).append(list(ids))
    return list(found.values())


def strengths(anatomy: Anatomy, removal: Removal) -> dict[str, Strength]:
    """The block and the strength of every module in a block that is edited, by its path."""
    found: dict[str, Strength] = {}
    for writer, strength in _edited(anatomy, removal):
        found.setdefault(_path(writer), (writer.block, strength))
    return found


def _edited(anatomy: Anatomy, removal: Removal) -> Iterator[tuple[Writer, float]]:
    for writer in anatomy.writers:
        edit = removal.edit(writer, anatomy)
        if writer.block is not None and not writer.bias and edit is not None:
            yield writer, edit.strength


def _module_bases(model: Any, anatomy: Anatomy, removal: Removal) -> Iterator[tuple[str, Floats]]:
    """The modules that write, each once, and the directions in its own space, before the norms after it."""
    weights = model.state_dict()
    done = set()
    for writer, _ in _edited(anatomy, removal):
        path = _path(writer)
        if path in done:
            continue
        done.add(path)
        gains = [(g.offset + weights[g.name].double().cpu().numpy(), g.centred) for g in writer.gains]
        block = 0 if len(removal.bases) == 1 else int(writer.block or 0)
        yield path, through_gains(removal.bases[block], gains)


def _path(writer: Writer) -> str:
    return writer.name.rpartition(".")[0]


def _hook(path: str, basis: Floats, seen: Callable[[str, torch.Tensor, Floats], None]) -> Any:
    def hook(_module: Any, _args: Any, output: Any) -> None:
        seen(path, stream_of(output), basis)

    return hook
