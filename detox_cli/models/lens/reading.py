"""What a model has written, seen through the lens: at each layer how likely some tokens are."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from detox_cli.models.hooks import on_block_inputs, on_block_outputs
from detox_cli.models.lens.lens import LogitLens
from detox_cli.models.neurons.reading import Batch, Done, Written, batches_of

FIGURES = ("mass", "rank", "first", "settled", "written", "written_rank")
"""What is summed of every token: the probability of all chosen tokens together; the logarithm of the rank of
the likeliest of them; whether it is the likeliest token of all; whether the likeliest token is that of the
last block; and of the token that was written the logarithm of its probability, and of its rank."""
ROWS = 256
"""Tokens whose logits are in memory at a time."""
UNKNOWN = -1


@dataclass(frozen=True)
class Seen:
    """Sums over each text's tokens that count, at every place: the embedding, then each block.

    Attributes:
        figures: ``[texts, places, figures]``, of `FIGURES`.
        single: The probability of each of the K chosen tokens, ``[texts, places, K]``.
        probability: The mean probability of every word over all tokens, ``[places, words]``.
        counts: Tokens of each text, ``[texts]``.
        written: Tokens of each text of which it is known what was written; one that ended it is not.
    """

    figures: Tensor
    single: Tensor
    probability: Tensor
    counts: Tensor
    written: Tensor


@torch.no_grad()
def read_through(
    lens: LogitLens,
    texts: Sequence[Written],
    tokens: Sequence[int],
    batch_tokens: int,
    done: Done = lambda _: None,
) -> Seen:
    """Read texts once, and look through the lens at the positions from which their tokens were predicted.

    What is kept are eight bytes for each text, place and chosen token, and for each place and word.

    Args:
        lens: Of the model.
        texts: What is read.
        tokens: The chosen ones, K.
        batch_tokens: Tokens of a batch.
        done: Told how many more texts are read.
    """
    device = lens.model.get_input_embeddings().weight.device
    places = len(lens.anatomy.blocks) + 1
    figures = torch.zeros(len(texts), places, len(FIGURES), dtype=torch.float64)
    single = torch.zeros(len(texts), places, len(tokens), dtype=torch.float64)
    total = None
    chosen = torch.tensor(list(tokens), device=device)
    for batch in batches_of(texts, device, batch_tokens):
        targets = _targets([texts[number] for number in batch.numbers]).to(device)
        streams = _streams(lens, batch)
        for first in range(0, len(targets), ROWS):
            rows = torch.arange(first, min(first + ROWS, len(targets)))
            last: Tensor | None = None
            owners = batch.owners[rows]
            for place in reversed(range(places)):  # the last block says what the others are held against
                chances = lens.logits(streams[place][rows.to(device)]).log_softmax(-1)
                last = chances.argmax(-1) if last is None else last
                if total is None:
                    total = torch.zeros(places, chances.shape[-1], dtype=torch.float64)
                total[place] += chances.exp().sum(0).double().cpu()
                own = chances[:, chosen]
                single[:, place].index_add_(0, owners, own.exp().double().cpu())
                found = _figures(chances, own, last, targets[rows.to(device)])
                figures[:, place].index_add_(0, owners, found.double().cpu())
        done(len(batch.numbers))
    counts = torch.tensor([text.count for text in texts], dtype=torch.float64)
    written = torch.tensor([len(text.answer) for text in texts], dtype=torch.float64)
    assert total is not None
    return Seen(figures, single, total / counts.sum(), counts, written)


def _streams(lens: LogitLens, batch: Batch) -> list[Tensor]:
    """The stream at the positions that count, at every place, ``[k, d]`` each."""
    found: list[Tensor] = []

    def keep(stream: Tensor) -> None:
        found.append(stream.reshape(-1, stream.shape[-1])[batch.places.to(stream.device)])

    with ExitStack() as stack:
        model, anatomy = lens.model, lens.anatomy
        stack.enter_context(on_block_inputs(model, anatomy, lambda i, x: keep(x) if i == 0 else None))
        stack.enter_context(on_block_outputs(model, anatomy, lambda _, x: keep(x)))
        lens.trunk(input_ids=batch.ids, use_cache=False)
    return found


def _targets(texts: Sequence[Written]) -> Tensor:
    """The token that was written at each position that counts; that of an end is not known."""
    return torch.tensor(list(_each(texts)))


def _each(texts: Sequence[Written]) -> Iterator[int]:
    for text in texts:
        yield from text.answer
        yield from [UNKNOWN] * (text.count - len(text.answer))


def _figures(chances: Tensor, own: Tensor, last: Tensor, targets: Tensor) -> Tensor:
    """`FIGURES` of every row ``[k, words]``, as ``[k, figures]``."""
    best = own.amax(-1, keepdim=True)
    rank = 1 + (chances > best).sum(-1)
    known = targets != UNKNOWN
    written = chances.gather(-1, targets.clamp(min=0)[:, None])
    written_rank = 1 + (chances > written).sum(-1)
    return torch.stack(
        [
            own.exp().sum(-1),
            rank.log(),
            (rank == 1).float(),
            (chances.argmax(-1) == last).float(),
            written[:, 0].where(known, torch.zeros(())),
            written_rank.log() * known,
        ],
        dim=-1,
    )
