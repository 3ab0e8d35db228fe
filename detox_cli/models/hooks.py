"""Hooks on the blocks of a loaded model, in context managers that take them off again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from detox_cli.errors import DetoxError
from detox_cli.models.anatomy.parts import Anatomy

See = Callable[[int, torch.Tensor], torch.Tensor | None]
"""Gets the index of a block and a stream ``[batch, length, d]``; a tensor that it returns takes its place."""


@contextmanager
def on_block_outputs(model: Any, anatomy: Anatomy, see: See) -> Iterator[None]:
    """Call ``see`` with what every block writes out: the residual stream after it, before any final norm.

    Blocks that return a tuple are treated like those that return a tensor: the stream is what comes first.
    """
    with ExitStack() as stack:
        for block in anatomy.blocks:
            handle = model.get_submodule(block.path).register_forward_hook(_output_hook(block.index, see))
            stack.callback(handle.remove)
        yield


@contextmanager
def on_block_inputs(model: Any, anatomy: Anatomy, see: See) -> Iterator[None]:
    """Call ``see`` with the residual stream that enters every block."""
    with ExitStack() as stack:
        for block in anatomy.blocks:
            module = model.get_submodule(block.path)
            handle = module.register_forward_pre_hook(_input_hook(block.index, see), with_kwargs=True)
            stack.callback(handle.remove)
        yield


def stream_of(output: Any) -> torch.Tensor:
    """The residual stream in what a block returned.

    Raises:
        DetoxError: It is neither a tensor nor a tuple that starts with one.
    """
    first = output[0] if isinstance(output, tuple | list) else output
    if not isinstance(first, torch.Tensor):
        raise DetoxError(
            f"a block returned a {type(output).__name__}, which holds no residual stream",
            hint="name a model of another family",
        )
    return first


def _output_hook(index: int, see: See) -> Any:
    def hook(_module: Any, _args: Any, output: Any) -> Any:
        new = see(index, stream_of(output))
        if new is None:
            return None
        return new if isinstance(output, torch.Tensor) else (new, *output[1:])

    return hook


def _input_hook(index: int, see: See) -> Any:
    def hook(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args:
            new = see(index, args[0])
            return None if new is None else ((new, *args[1:]), kwargs)
        new = see(index, kwargs["hidden_states"])
        return None if new is None else (args, {**kwargs, "hidden_states": new})

    return hook
