"""Does a loaded model really have this anatomy? Take one random direction out, look, put everything back."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Anatomy, Block, Writer
from detox_cli.models.directions import Floats, orthonormal, through_gains
from detox_cli.models.hooks import on_block_inputs, on_block_outputs, stream_of

BLOCK_LIMIT = 1e-4
"""How much of what a block in float32 writes may be left along the direction."""
EMBEDDING_LIMITS = {torch.float32: 1e-4, torch.float64: 1e-4}
COARSE_LIMIT = 0.05
TOKENS = 12


@torch.no_grad()
def prove(model: Any, anatomy: Anatomy, seed: int = 0) -> dict[str, float]:
    """Check that nothing but the writers of ``anatomy`` writes to the residual stream of ``model``.

    A random unit vector r is removed from the writers; the model then reads random tokens. Every block is
    tried on a copy in float32, one at a time, on what enters it; the rows of the embeddings that are read are
    changed in place and put back.

    Returns:
        For ``embeddings`` and every block, what is left along r: the length of the component, as a share of
        what a random vector of that length would have along r.

    Raises:
        BadData: Something else writes along r; the line says where.
    """
    generator = np.random.default_rng(seed)
    basis = orthonormal(generator.standard_normal(anatomy.width))
    table = model.get_input_embeddings().weight
    ids = torch.from_numpy(generator.integers(0, table.shape[0], (2, TOKENS))).to(table.device)
    left: dict[str, float] = {}
    with ExitStack() as stack:
        stack.enter_context(_edited_embeddings(model, anatomy, basis, ids))
        for block in anatomy.blocks:
            hook = _block_hook(block, basis, left, first=block.index == 0)
            module = model.get_submodule(block.path)
            stack.callback(module.register_forward_pre_hook(hook, with_kwargs=True).remove)
        model(input_ids=ids, use_cache=False)
    _judge(anatomy, left, EMBEDDING_LIMITS.get(table.dtype, COARSE_LIMIT))
    return left


@torch.no_grad()
def written_along(model: Any, anatomy: Anatomy, basis: Floats, ids: torch.Tensor) -> dict[str, float]:
    """How much a model writes along directions while it reads ``ids`` ``[batch, length]``, as it is.

    Returns:
        For what enters the first block (``embeddings``) and for every block's own contribution, the length of
        the component as a share of what random vectors of that length would have there.
    """
    direction = torch.from_numpy(basis).float().to(ids.device)
    entering: dict[int, torch.Tensor] = {}
    shares: dict[str, float] = {}

    def leaves(index: int, stream: torch.Tensor) -> None:
        shares[anatomy.blocks[index].path] = _share(stream.float() - entering[index].float(), direction)

    def enters(index: int, stream: torch.Tensor) -> None:
        entering[index] = stream
        if index == 0:
            shares["embeddings"] = _share(stream, direction)

    with on_block_inputs(model, anatomy, enters), on_block_outputs(model, anatomy, leaves):
        model(input_ids=ids, use_cache=False)
    return shares


def _judge(anatomy: Anatomy, left: dict[str, float], embedding_limit: float) -> None:
    limits = {"embeddings": embedding_limit if anatomy.embeddings else float("inf")}
    for place, share in left.items():
        if not share <= limits.get(place, BLOCK_LIMIT):
            raise BadData(
                f"{share:.1%} of a removed direction is still written, so a writer is unknown",
                where=f"{anatomy.family} {place}",
                hint="this model cannot be edited safely",
            )


def _block_hook(block: Block, basis: Floats, left: dict[str, float], first: bool) -> Any:
    def hook(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        entering = stream_of(args or kwargs["hidden_states"])
        direction = torch.from_numpy(basis).float().to(entering.device)
        if first:
            left["embeddings"] = _share(entering, direction)
        trial = copy.deepcopy(module).float()
        weights = {f"{block.path}.{name}": value for name, value in trial.state_dict().items()}
        for writer in block.writers:
            _remove(weights[writer.name], writer, _basis_before_gains(writer, basis, weights))
        output = stream_of(trial.forward(*_floats(args), **_floats(kwargs)))
        left[block.path] = _share(output.float() - entering.float(), direction)

    return hook


@contextmanager
def _edited_embeddings(model: Any, anatomy: Anatomy, basis: Floats, ids: torch.Tensor) -> Iterator[None]:
    """Take the direction out of the rows of ``ids``, of positions and of constants, and put them back."""
    weights = model.state_dict(keep_vars=False)
    with ExitStack() as stack:
        for writer in anatomy.embeddings:
            whole = weights[writer.name]
            rows = torch.unique(ids) if writer is anatomy.token_embedding else slice(None)
            stack.callback(_put_back, whole, rows, whole[rows].clone())
            part = whole[rows].float()
            _remove(part, writer, _basis_before_gains(writer, basis, weights))
            whole[rows] = part.to(whole.dtype)
        yield


def _put_back(whole: torch.Tensor, rows: Any, kept: torch.Tensor) -> None:
    with torch.no_grad():
        whole[rows] = kept


def _basis_before_gains(writer: Writer, basis: Floats, weights: dict[str, torch.Tensor]) -> Floats:
    gains = [(g.offset + weights[g.name].double().cpu().numpy(), g.centred) for g in writer.gains]
    return through_gains(basis, gains)


def _remove(weight: torch.Tensor, writer: Writer, basis: Floats) -> None:
    vectors = weight.movedim(writer.axis, -1) if not writer.bias else weight
    directions = torch.from_numpy(basis).to(vectors)
    vectors -= (vectors @ directions) @ directions.T


def _share(written: torch.Tensor, direction: torch.Tensor) -> float:
    """The length along the direction over that of a random vector's component, ``|x| / sqrt(d)``."""
    flat = written.float().reshape(-1, written.shape[-1])
    length = flat.norm().item() * (direction.shape[-1] / flat.shape[-1]) ** 0.5
    return (flat @ direction).norm().item() / length if length > 0 else 0.0


def _floats(value: Any) -> Any:
    """Everything that a block is called with, in float32 where it is a floating number."""
    if isinstance(value, torch.Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, tuple | list):
        return type(value)(_floats(item) for item in value)
    return {key: _floats(item) for key, item in value.items()} if isinstance(value, dict) else value
