"""A loaded model that behaves as if its weights were edited, or that is steered, while a context lasts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch

from detox_cli.errors import BadData, BadSettings, DetoxError
from detox_cli.models.anatomy.parts import Anatomy, Writer
from detox_cli.models.checkpoint.plan import Tied
from detox_cli.models.directions import Floats, through_gains
from detox_cli.models.edits import Edit
from detox_cli.models.hooks import on_block_outputs, stream_of
from detox_cli.models.removal import Removal

Change = Callable[[torch.Tensor], torch.Tensor]
Weights = dict[str, torch.Tensor]

ROWS = 1 << 12
"""How many vectors of a weight are edited at once."""


@contextmanager
def intervening(model: Any, anatomy: Anatomy, removal: Removal, tied: Tied = "skip") -> Iterator[None]:
    """Make a model behave as ``write_edited`` would leave it, exactly up to rounding, without a copy of it.

    What a writer puts out is linear in its weights, so hooks on the outputs of their modules do the same as
    edited weights (Arditi et al., 2024, arXiv 2406.11717, section 4.1): at embeddings, attention outputs,
    MLPs, experts, and before the norms that follow them. To keep the lengths of a matrix's vectors is not
    linear: in the mode ``norm-preserving`` the weights are changed in place, and put back bit by bit.

    Args:
        model: Loaded, in evaluation mode.
        anatomy: Of the loaded model, from ``read_anatomy`` with the names of its ``state_dict``.
        removal: What is removed.
        tied: What happens to a token embedding that is the output head too, as in ``plan_edits``.

    Raises:
        BadSettings: An offset is to go where it cannot be put.
        BadData: Weights that would have to be changed in place are quantised.
        DetoxError: A module that was to be changed was never called, though the model was.
    """
    _refuse_offset(removal, anatomy, tied)
    weights = dict(model.state_dict(keep_vars=True))
    called: dict[str, bool] = {}
    with ExitStack() as stack:
        for path, writers in _by_module(anatomy).items():
            edits = [(writer, edit) for writer in writers if (edit := removal.edit(writer, anatomy))]
            if not edits or (anatomy.token_embedding in writers and anatomy.tied and tied == "skip"):
                continue
            if edits[0][1].keep_norms and _lies_in_memory(writers, anatomy, tied):
                for writer, edit in edits:
                    stack.enter_context(_changed(weights[writer.name], writer, _own(edit, writer, weights)))
                continue
            module = model.get_submodule(path)
            change = _output_change(module, [w for w, _ in edits], edits[0][1], weights)
            if writers[0].expert is None:
                called[path] = False
            stack.callback(module.register_forward_hook(_hook(path, change, called)).remove)
            if anatomy.token_embedding in writers and anatomy.tied and tied == "edit":
                stack.enter_context(_changed_head(model, _own(edits[0][1], writers[0], weights)))
        yield
    if any(called.values()) and not all(called.values()):
        silent = ", ".join(path for path, was in called.items() if not was)
        raise DetoxError(
            f"never called as a module, so what it writes was not changed: {silent[:300]}",
            hint="name a model of another family",
        )


@contextmanager
def adding(model: Any, anatomy: Anatomy, layer: int, vector: Floats) -> Iterator[None]:
    """Add a vector ``[d]`` to the stream after a block, at every position, in the units of the stream."""
    number = torch.from_numpy(vector)

    def see(index: int, stream: torch.Tensor) -> torch.Tensor | None:
        return stream + number.to(stream) if index == layer else None

    with on_block_outputs(model, anatomy, see):
        yield


def _by_module(anatomy: Anatomy) -> dict[str, list[Writer]]:
    """The writers of every module, weights before biases."""
    found: dict[str, list[Writer]] = {}
    for writer in sorted(anatomy.writers, key=lambda w: w.bias):
        found.setdefault(writer.name.rpartition(".")[0], []).append(writer)
    return found


def _lies_in_memory(writers: list[Writer], anatomy: Anatomy, tied: Tied) -> bool:
    """Whether lengths can only be kept in the weights: a table's rows come out as they are."""
    in_a_block = writers[0].block is not None
    return in_a_block or (anatomy.tied and tied == "edit" and anatomy.token_embedding in writers)


def _refuse_offset(removal: Removal, anatomy: Anatomy, tied: Tied) -> None:
    if removal.offset is not None and anatomy.tied and tied == "skip":
        raise BadSettings(
            "an affine removal changes the token embedding, which is the output head too",
            hint="untie the head, or edit both",
        )


def _own(edit: Edit, writer: Writer, weights: Weights) -> Edit:
    """The edit in the writer's own space: before the norms that its output passes."""
    if edit.offset is not None and writer.gains:
        raise ValueError("an offset goes into a token embedding, or into the bias of the norm after it")
    gains = [(g.offset + weights[g.name].detach().double().cpu().numpy(), g.centred) for g in writer.gains]
    keep = edit.keep_norms and not writer.bias
    return replace(edit, basis=through_gains(edit.basis, gains), keep_norms=keep)


def _output_change(module: Any, writers: list[Writer], edit: Edit, weights: Weights) -> Change:
    """What happens to the output of a module: everything, or only the constants that it adds."""
    own = _own(edit, writers[0], weights)
    if own.offset is not None:
        own = replace(own, offset=own.offset * float(getattr(module, "embed_scale", 1.0)))
    if writers[0].bias:
        constant = weights[writers[0].name].detach()
        return lambda output: output + (apply_edit(constant, own) - constant)
    bias = getattr(module, "bias", None)
    if isinstance(bias, torch.Tensor) and not any(w.bias for w in writers):
        return lambda output: apply_edit(output - bias, own) + bias  # a bias that is no writer stays
    return lambda output: apply_edit(output, own)


def apply_edit(vectors: torch.Tensor, edit: Edit) -> torch.Tensor:
    """``edit_vectors`` for a tensor ``[..., d]``, counted in float32 at least, returned in its own type."""
    numbers = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
    basis = torch.from_numpy(edit.basis).to(numbers)
    before = numbers @ basis
    wanted = (1 - edit.strength) * before
    if edit.offset is not None:
        wanted = wanted + edit.strength * torch.from_numpy(edit.offset).to(numbers)
    if not edit.keep_norms:
        return (numbers - (before - wanted) @ basis.T).to(vectors.dtype)
    rest = numbers - before @ basis.T
    squares, room = rest.square().sum(-1), numbers.square().sum(-1) - wanted.square().sum(-1)
    nothing = squares <= 1e-12 * numbers.square().sum(-1)
    factor = (room.clamp(min=0) / squares.where(~nothing, 1.0)).sqrt().where(~nothing, 1.0)
    return (factor[..., None] * rest + wanted @ basis.T).to(vectors.dtype)


def _hook(path: str, change: Change, called: dict[str, bool]) -> Any:
    def hook(_module: Any, _args: Any, output: Any) -> Any:
        called[path] = True
        new = change(stream_of(output))
        return new if isinstance(output, torch.Tensor) else (new, *output[1:])

    return hook


@contextmanager
def _changed_head(model: Any, edit: Edit) -> Iterator[None]:
    """A head whose table is edited too: logits ``x E'^T``, where a common offset changes no probability."""
    linear = replace(edit, offset=None)

    def hook(_module: Any, args: tuple[Any, ...]) -> Any:
        return (apply_edit(args[0], linear), *args[1:])

    handle = model.get_output_embeddings().register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
@torch.no_grad()
def _changed(weight: torch.Tensor, writer: Writer, edit: Edit) -> Iterator[None]:
    """Edit a weight in place; afterwards it holds the bits that it had."""
    if not weight.is_floating_point() or weight.shape != writer.shape:
        raise BadData(f"{writer.name} is quantised, so lengths cannot be kept in it", hint="use another mode")
    kept = weight.detach().clone()
    vectors = weight.detach() if writer.bias else weight.detach().movedim(writer.axis, -1)
    try:
        for matrix in vectors if vectors.dim() == 3 else (vectors,):
            for first in range(0, len(matrix), ROWS):
                matrix[first : first + ROWS] = apply_edit(matrix[first : first + ROWS], edit)
        yield
    finally:
        weight.detach().copy_(kept)
