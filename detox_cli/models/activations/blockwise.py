"""The same statistics for a model that is larger than memory: one block at a time, all prompts through it.

The weights of blocks stay in their files, and those of one block are read at a time. Between two blocks the
residual stream of all prompts is on the disk. Embedding, masks and positions are those of the model's own
forward pass, which runs once for every block and batch with the other blocks passing on what they get.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import align_module_device
from transformers import AutoModelForCausalLM

from detox_cli.errors import BadSettings
from detox_cli.models.activations.batches import Batch, all_prompts, make_batch, next_batch
from detox_cli.models.activations.collect import BATCH_TOKENS, not_finite, trunk_of
from detox_cli.models.activations.moments import Moments, Sums
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.anatomy.read import text_config
from detox_cli.models.hooks import stream_of
from detox_cli.models.loading import LOAD_ERRORS, load_error, pick_dtype, read_config
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import write_errors


@torch.no_grad()
def collect_blockwise(
    source: ModelSource,
    prompts: Mapping[str, Sequence[Sequence[int]]],
    positions: int,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
    winsorize: float = 1.0,
    *,
    dtype: str = "auto",
    scratch: Path | None = None,
    trust_remote_code: bool = False,
) -> dict[str, Moments]:
    """What ``collect`` gives, for a model that is not loaded, on the processor.

    Memory: embedding and head, the largest block, and one batch. Disk: the residual stream of all prompts,
    and a copy of expert weights where the library stores them in another shape.

    Args:
        source: The model.
        prompts: As for ``collect``.
        positions: As for ``collect``.
        batch_tokens: As for ``collect``; the larger, the fewer passes through a block.
        progress: Hears how many blocks are done.
        winsorize: As for ``collect``.
        dtype: Numbers to compute with; ``auto`` is float32.
        scratch: A folder for what is spilled; else the system's for temporary files.
        trust_remote_code: Run code that the model brings.

    Raises:
        BadData: As for ``collect``, or the anatomy cannot be read.
        BadSettings: The model cannot be loaded, or its blocks share more than the residual stream.
        DetoxError: The disk is full.
    """
    waiting = all_prompts(prompts)
    with _scratch_folder(scratch) as folder:
        model, anatomy = _load_in_files(source, dtype, folder, trust_remote_code)
        sums = Sums(len(prompts), positions, len(anatomy.blocks), anatomy.width, torch.device("cpu"))
        spilled: list[_Spilled] = []
        while waiting:
            rows = next_batch(waiting, batch_tokens)
            waiting = waiting[len(rows) :]
            batch = make_batch(rows, positions, torch.device("cpu"))
            spilled.append(_Spilled(batch, folder / f"stream-{len(spilled)}"))
        _through_blocks(model, anatomy, spilled, sums, progress or Silent(), winsorize)
    return {name: sums.moments(which) for which, name in enumerate(prompts)}


@contextmanager
def _scratch_folder(parent: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="detox-blocks-", dir=parent) as name, write_errors(Path(name)):
        yield Path(name)


@dataclass
class _Spilled:
    """A batch, and where the stream behind the last finished block is kept."""

    batch: Batch
    path: Path

    def keep(self, stream: torch.Tensor) -> None:
        self._on_disk(stream).copy_(stream)

    def stream(self, like: torch.Tensor) -> torch.Tensor:
        """What was kept, shaped and typed as ``like``."""
        return self._on_disk(like).clone()

    def _on_disk(self, like: torch.Tensor) -> torch.Tensor:
        flat = torch.from_file(str(self.path), shared=True, size=like.numel(), dtype=like.dtype)
        return flat.view(like.shape)


def _through_blocks(
    model: Any, anatomy: Anatomy, spilled: list[_Spilled], sums: Sums, progress: Progress, winsorize: float
) -> None:
    trunk = trunk_of(model, anatomy)
    modules = [model.get_submodule(block.path) for block in anatomy.blocks]
    tuples = False
    for part in spilled:
        for which in range(len(sums.count)):
            if rows := part.batch.rows_of(which):
                sums.count_in(which, part.batch.present[rows])
    with progress.task("reading block by block", len(modules)) as task:
        for index, module in enumerate(modules):
            with held(module), _others_pass(modules, index, tuples):
                for part in spilled:
                    tuples = _through_one(trunk, module, index, part, sums, winsorize)
            task.advance()


def _through_one(trunk: Any, module: Any, index: int, part: _Spilled, sums: Sums, winsorize: float) -> bool:
    """Send a batch through a block; gives whether the block returns a tuple."""
    forward = module.forward
    seen: list[bool] = []

    def with_own_stream(*args: Any, **kwargs: Any) -> Any:
        entering = stream_of(args or (kwargs["hidden_states"],))
        if index > 0:
            kept = part.stream(entering)
            args, kwargs = ((kept, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": kept})
        output = forward(*args, **kwargs)
        seen.append(isinstance(output, tuple | list))
        leaving = stream_of(output)
        part.keep(leaving)
        _add(part.batch, leaving, index, sums, winsorize)
        return output

    module.forward = with_own_stream
    try:
        trunk(input_ids=part.batch.ids, use_cache=False)
    finally:
        module.forward = forward
    return seen[0]


def _add(batch: Batch, stream: torch.Tensor, index: int, sums: Sums, winsorize: float) -> None:
    ends = batch.ends(stream)
    if not bool(torch.isfinite(ends).all()):
        bad = int((~torch.isfinite(ends)).flatten(1).any(1).nonzero()[0])
        raise not_finite(index, batch.prompts[bad].where)
    for which in range(len(sums.count)):
        if rows := batch.rows_of(which):
            sums.add(which, index, ends[rows], winsorize)


@contextmanager
def _others_pass(modules: list[Any], index: int, tuples: bool) -> Iterator[None]:
    """Let all blocks but one give out what they get."""

    def passing(*args: Any, **kwargs: Any) -> Any:
        entering = stream_of(args or (kwargs["hidden_states"],))
        return (entering, None) if tuples else entering

    others = [module for number, module in enumerate(modules) if number != index]
    with ExitStack() as stack:
        for module in others:
            stack.callback(setattr, module, "forward", module.forward)
            module.forward = passing
        yield


@contextmanager
def held(block: Any) -> Iterator[None]:
    """Keep the weights of a block in memory, instead of reading them anew for every batch."""
    with ExitStack() as stack:
        for module in block.modules():
            if hasattr(module, "_hf_hook") and hasattr(module, "_old_forward"):
                stack.enter_context(align_module_device(module))
                stack.callback(setattr, module, "forward", module.forward)
                module.forward = module._old_forward
        yield


def _load_in_files(
    source: ModelSource, dtype: str, folder: Path, trust_remote_code: bool
) -> tuple[Any, Anatomy]:
    """The model with every block left in its files, and its anatomy."""
    config = read_config(source, trust_remote_code)
    if shared := text_config(config.to_dict()).get("num_kv_shared_layers"):
        raise BadSettings(
            f"the last {shared} blocks use keys and values of others, so they cannot be read one by one",
            where=source.name,
            hint="measure where the whole model fits into memory",
        )
    with torch.device("meta"):
        shape = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    anatomy = anatomy_of(shape)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source.location,
            revision=source.revision,
            config=config,
            dtype=pick_dtype(dtype, torch.device("cpu")),
            device_map=_places(shape, anatomy),
            offload_folder=str(folder / "weights"),
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
        )
    except LOAD_ERRORS as error:
        raise load_error(source, error) from error
    return model.eval(), anatomy


def _places(shape: Any, anatomy: Anatomy) -> dict[str, str]:
    """Blocks on the disk, everything else in memory."""
    paths = [block.path for block in anatomy.blocks]
    found = dict.fromkeys(paths, "disk")
    names = [
        *(name for name, _ in shape.named_parameters(remove_duplicate=False)),
        *(name for name, _ in shape.named_buffers(remove_duplicate=False)),
    ]
    for name in names:
        if not any(name.startswith(f"{path}.") for path in paths):
            found[name.rpartition(".")[0] or name] = "cpu"
    return found
