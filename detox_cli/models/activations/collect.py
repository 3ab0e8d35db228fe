"""Statistics of the residual stream over sets of prompts, in one pass and in memory that does not grow."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from detox_cli.errors import BadData, DetoxError
from detox_cli.generation.behind_prefix import inputs_behind, prefix_worth_keeping
from detox_cli.generation.steppers import read_prefix
from detox_cli.models.activations.batches import (
    Batch,
    Prompt,
    all_prompts,
    make_batch,
    next_batch,
    without_prefix,
)
from detox_cli.models.activations.moments import Moments, Sums
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.hooks import on_block_outputs
from detox_cli.output.progress import Progress, Silent
from detox_cli.scoring.batching import PROCESSOR_TOKENS

BATCH_TOKENS = 16384
NOT_FINITE_HINT = "load the model in bfloat16 or float32, or look for damaged weights in it"


@torch.no_grad()
def collect(
    model: Any,
    anatomy: Anatomy,
    prompts: Mapping[str, Sequence[Sequence[int]]],
    positions: int,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
    winsorize: float = 1.0,
) -> dict[str, Moments]:
    """Statistics of what every block gives out at the last tokens of prompts.

    All sets are read together, sorted by length, in batches under a budget of tokens. The head is not
    computed, and nothing is kept of a single prompt. What all prompts start with is read once, where the
    model's cache allows it and the positions lie behind it. A batch that does not fit into memory is halved,
    and so are those after it.

    Args:
        model: A loaded causal language model, in evaluation mode.
        anatomy: Its anatomy.
        prompts: Token ids of every prompt, by the name of its set.
        positions: P, how many tokens to look at, counted from the end of each prompt.
        batch_tokens: Tokens of a batch, padding included; on a processor 1024 at most, which is faster.
        progress: Hears how many prompts are done.
        winsorize: Limit the values of each vector to this quantile of their absolute values; 1 leaves them.

    Returns:
        ``Moments`` by the name of the set; position ``-1`` is the last token.

    Raises:
        BadData: A set or a prompt is empty, or numbers are not finite; the line names layer and prompt.
        DetoxError: One prompt alone does not fit into memory.
    """
    waiting = all_prompts(prompts)
    prefix = prefix_worth_keeping(model, [prompt.ids for prompt in waiting], positions)
    waiting = without_prefix(waiting, len(prefix))
    pass_ = _Pass(model, anatomy, len(prompts), positions, winsorize, prefix)
    whole, on_processor = pass_.no_sums(), pass_.device.type == "cpu"
    if on_processor:
        batch_tokens = min(batch_tokens, PROCESSOR_TOKENS)
    kept = 0 if on_processor else len(prefix)  # elsewhere memory counts, and rows keep copies of the prefix
    with (progress or Silent()).task("reading prompts", len(waiting)) as task:
        while waiting:
            rows = next_batch(waiting, batch_tokens, kept)
            part = pass_.try_batch(rows)
            if part is None:
                batch_tokens = max(1, len(rows) // 2) * (len(rows[0].ids) + kept)
                continue
            whole.merge(part)
            waiting = waiting[len(rows) :]
            task.advance(len(rows))
    return {name: whole.moments(which) for which, name in enumerate(prompts)}


class _Pass:
    """One model on its way through prompts, whose common prefix is read already."""

    def __init__(
        self,
        model: Any,
        anatomy: Anatomy,
        sets: int,
        positions: int,
        winsorize: float,
        prefix: tuple[int, ...] = (),
    ) -> None:
        self.model, self.anatomy, self.trunk = model, anatomy, trunk_of(model, anatomy)
        self.sets, self.positions, self.winsorize, self.prefix = sets, positions, winsorize, prefix
        self.device: torch.device = model.get_input_embeddings().weight.device
        self.states = read_prefix(model, prefix) if prefix else None

    def no_sums(self) -> Sums:
        device = torch.device("cpu") if self.device.type == "mps" else self.device  # mps has no float64
        layers, width = len(self.anatomy.blocks), self.anatomy.width
        return Sums(self.sets, self.positions, layers, width, device)

    def try_batch(self, rows: list[Prompt]) -> Sums | None:
        """The sums of a batch, or ``None`` if it does not fit into memory."""
        try:
            part = self._read(make_batch(rows, self.positions, self.device))
        except RuntimeError as error:
            if not is_lack_of_memory(error):
                raise
            if len(rows) == 1:
                tokens = len(self.prefix) + len(rows[0].ids)
                raise DetoxError(
                    f"a prompt of {tokens} tokens does not fit into memory",
                    where=rows[0].where,
                    hint="leave it out, or read the model block by block",
                ) from error
            return None
        if not part.finite():
            self._name_what_is_not_finite(rows)
        return part

    def _read(self, batch: Batch) -> Sums:
        part = self.no_sums()
        sets = {which: rows for which in range(self.sets) if (rows := batch.rows_of(which))}
        for which, rows in sets.items():
            part.count_in(which, batch.present[rows])

        def see(layer: int, stream: torch.Tensor) -> None:
            ends = batch.ends(stream)
            for which, rows in sets.items():
                part.add(which, layer, ends if len(sets) == 1 else ends[rows], self.winsorize)

        with on_block_outputs(self.model, self.anatomy, see):
            self.trunk(**self._inputs(batch))
        return part

    def _inputs(self, batch: Batch) -> dict[str, Any]:
        if self.states is None:
            return {"input_ids": batch.ids, "use_cache": False}
        lengths = torch.tensor([len(prompt.ids) for prompt in batch.prompts], device=self.device)
        mask = (torch.arange(batch.ids.shape[1], device=self.device) < lengths[:, None]).long()
        return inputs_behind(self.trunk, self.states, batch.ids, mask)

    def _name_what_is_not_finite(self, rows: list[Prompt]) -> None:
        """Read the prompts one by one to find the first layer of the first that is to blame."""
        for row in rows:
            part = self._read(make_batch([row], self.positions, self.device))
            sizes = part.largest[row.which].flatten(1).sum(1)
            if not bool(torch.isfinite(sizes).all()):
                layer = int((~torch.isfinite(sizes)).nonzero()[0])
                raise not_finite(layer, row.where)
        raise not_finite(None, rows[0].where)


def not_finite(layer: int | None, where: str) -> BadData:
    """The error for a stream with NaN or infinite numbers."""
    after = "the residual stream" if layer is None else f"the residual stream after layer {layer}"
    return BadData(f"{after} holds numbers that are not finite", where=where, hint=NOT_FINITE_HINT)


def trunk_of(model: Any, anatomy: Anatomy) -> Any:
    """The part of a model from embedding to final norm: what comes before its head."""
    path = anatomy.trunk.rstrip(".")
    return model.get_submodule(path) if path else model.base_model


def is_lack_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that memory is used up, on a GPU or not."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
