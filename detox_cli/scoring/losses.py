"""What a causal language model loses on tokens: the sum of -ln p, over windows of long rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, isnan
from typing import Any, NamedTuple

import torch
from torch import Tensor

from detox_cli.errors import DetoxError
from detox_cli.generation.steppers import pad, takes
from detox_cli.models.loading import Loaded
from detox_cli.output.progress import Progress, Silent
from detox_cli.scoring.batching import token_batches

Ids = Sequence[int]
Done = Callable[[int], None]
SILENT = Silent()

LOGITS_AT_ONCE = 1 << 26
"""Logits of one batch: 256 MB in float32, whatever the vocabulary."""
FLOATS_AT_ONCE = 1 << 23
"""Logits that are turned to float32 at a time."""


def say_nothing(_: int) -> None:
    """The listener where nobody listens."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a model loses on one text.

    Attributes:
        nats: The sum of -ln p(token | tokens before it) over the tokens that were predicted.
        tokens: How many were predicted.
        unscored: Tokens with nothing before them that could predict them.
    """

    nats: float = 0.0
    tokens: int = 0
    unscored: int = 0

    def __add__(self, other: "Loss") -> "Loss":
        return Loss(self.nats + other.nats, self.tokens + other.tokens, self.unscored + other.unscored)

    @property
    def mean(self) -> float:
        """Nats per token; not a number where no token was predicted."""
        return self.nats / self.tokens if self.tokens else float("nan")

    @property
    def perplexity(self) -> float:
        """exp of the mean; not a number where no token was predicted, infinite where it is beyond floats."""
        try:
            return exp(self.mean)
        except OverflowError:
            return float("inf")


class Window(NamedTuple):
    """A stretch of a row that the model reads at once, whose last ``scored`` tokens count."""

    row: int
    ids: tuple[int, ...]
    scored: int


def windows_of(row: int, ids: Ids, first: int, opening: Ids, size: int, stride: int) -> list[Window]:
    """Windows over a row, so that every token from number ``first`` on is predicted once.

    Window k holds the opening and the tokens from ``k * stride`` on, ``size`` in all, and predicts those that
    no window before it has predicted. With ``stride`` smaller than what a window holds, each token after the
    first window has at least ``size - len(opening) - stride`` tokens of context; with an equal one windows do
    not overlap, as in most papers. A token that would open a window without an opening is left out.

    Args:
        row: Which row this is.
        ids: Its tokens, without the opening.
        first: The first token to predict.
        opening: Tokens before every window, such as the one for the beginning of a text.
        size: Tokens in a window, the opening included; more than the opening has.
        stride: From one window's start to the next.
    """
    room = size - len(opening)
    found: list[Window] = []
    reached = first
    for start in range(0, max(1, len(ids)), max(1, min(stride, room))):
        end = min(start + room, len(ids))
        scored = end - max(reached, start if opening else start + 1)
        if scored > 0:
            found.append(Window(row, (*opening, *ids[start:end]), scored))
        reached = max(reached, end)
        if end == len(ids):
            break
    return found


@torch.inference_mode()
def window_losses(
    loaded: Loaded,
    windows: Sequence[Window],
    rows: int,
    batch_tokens: int,
    progress: Progress = SILENT,
    label: str = "perplexity",
) -> list[Loss]:
    """The losses of ``rows`` rows: the sum over their windows.

    Windows of similar length make a batch, padded on the right, where it changes nothing for a model that
    looks back only. Logits are computed from the first position on that counts.

    Args:
        loaded: A decoder-only model.
        windows: All windows of all rows, in any order.
        rows: How many rows there are.
        batch_tokens: Padded tokens in one batch.
        progress: Told how many windows are done.
        label: What they are read for.

    Raises:
        DetoxError: One window does not fit into memory, or the model gives what is no number.
    """
    losses = [Loss() for _ in range(rows)]
    budget = tokens_at_once(loaded.model, batch_tokens)
    with progress.task(label, len(windows)) as task:
        for batch in token_batches([len(window.ids) for window in windows], budget):
            chosen = [windows[i] for i in batch]
            for window, nats in zip(chosen, _losses(loaded, chosen), strict=True):
                losses[window.row] += Loss(checked(nats, loaded), window.scored)
            task.advance(len(chosen))
    return losses


def tokens_at_once(model: Any, batch_tokens: int) -> int:
    """How many tokens a batch may have, so that its logits stay below ``LOGITS_AT_ONCE``."""
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    return max(1, min(batch_tokens, LOGITS_AT_ONCE // vocabulary))


def token_nats(logits: Tensor, targets: Tensor) -> Tensor:
    """-ln p of each target: ``[..., vocabulary]`` and ``[...]`` to float64 ``[...]``."""
    flat, wanted = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1, 1)
    step = max(1, FLOATS_AT_ONCE // flat.shape[-1])
    parts = [
        part.float().logsumexp(1) - part.gather(1, one).float()[:, 0]
        for part, one in zip(torch.split(flat, step), torch.split(wanted, step), strict=True)
    ]
    return torch.cat(parts).double().reshape(targets.shape)


def checked(nats: float, loaded: Loaded) -> float:
    """The loss, if it is a number."""
    if isnan(nats):
        raise DetoxError(f"{loaded.source.name} predicts what is not a number", hint="use --dtype float32")
    return nats


def _losses(loaded: Loaded, batch: Sequence[Window]) -> Iterator[float]:
    """The sum over the scored tokens of each window; a batch that does not fit is read in halves."""
    try:
        found = _forward(loaded.model, batch)
    except torch.OutOfMemoryError as error:
        if len(batch) == 1:
            hint = "use smaller windows, or --device cpu"
            raise DetoxError(f"{len(batch[0].ids)} tokens do not fit into memory", hint=hint) from error
    else:
        yield from found
        return
    torch.cuda.empty_cache()
    half = len(batch) // 2
    yield from _losses(loaded, batch[:half])
    yield from _losses(loaded, batch[half:])


def _forward(model: Any, batch: Sequence[Window]) -> list[float]:
    ids, mask = pad([window.ids for window in batch], left=False, device=model.device)
    length = ids.shape[1]
    start = min(len(window.ids) - window.scored for window in batch)
    keep = {"logits_to_keep": length - start + 1} if takes(model, "logits_to_keep") else {}
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False, **keep).logits
    nats = token_nats(logits[:, start - 1 - length : -1], ids[:, start:]).cpu()
    ends = [(len(window.ids) - window.scored - start, len(window.ids) - start) for window in batch]
    return [float(row[a:b].sum()) for row, (a, b) in zip(nats, ends, strict=True)]
