"""What a model has written, read once more in one pass, with the coefficients at the tokens that count."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from detox_cli.generation.batch_run import write
from detox_cli.generation.requests import Sampling
from detox_cli.models.activations.collect import trunk_of
from detox_cli.models.neurons.hooks import Seen, on_coefficients
from detox_cli.models.neurons.parts import Neurons, Part
from detox_cli.models.neurons.values import plain
from detox_cli.scoring.batching import PROCESSOR_TOKENS, token_batches

Done = Callable[[int], None]


@dataclass(frozen=True)
class Written:
    """A prompt and what comes after it.

    Attributes:
        prompt: Token ids, P of them.
        answer: Token ids; the one that ended it is left out.
        count: How many tokens were chosen, n, that one included: there are so many positions that count.
    """

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    count: int

    @property
    def ids(self) -> tuple[int, ...]:
        """What has to be read: all but the last token that was chosen."""
        return (*self.prompt, *self.answer[: self.count - 1])


@dataclass(frozen=True)
class Taken:
    """Coefficients of one part at the tokens of a batch that count.

    Attributes:
        part: Whose they are.
        values: ``[k, size]``.
        owners: To which text each row belongs, int64 ``[k]``.
        count: Tokens of the batch that count; k is less where some do not reach the part.
        gate: Before its activation, ``[k, size]``, where it was asked for.
        up: The linear key, likewise.
    """

    part: Part
    values: Tensor
    owners: Tensor
    count: int
    gate: Tensor | None = None
    up: Tensor | None = None


class Sink(Protocol):
    """Something that coefficients go into."""

    def take(self, taken: Taken) -> None:
        """One part's coefficients in one batch; every part comes once per batch."""


def written_greedily(
    model: Any, prompts: Sequence[Sequence[int]], ends: list[int], new_tokens: int, batch_tokens: int
) -> list[Written]:
    """What the model writes after prompts, always its most likely token, with a cache.

    Args:
        model: Loaded, in evaluation mode.
        prompts: Token ids.
        ends: Token ids that end an answer.
        new_tokens: The longest answer.
        batch_tokens: Tokens of a batch.
    """
    rows = write(model, list(prompts), Sampling(new_tokens, temperature=0), ends, batch_tokens)
    pairs = zip(prompts, rows, strict=True)
    return [Written(tuple(prompt), tuple(row.tokens), row.count) for prompt, row in pairs]


@torch.no_grad()
def read_written(
    model: Any,
    neurons: Neurons,
    texts: Sequence[Written],
    sinks: Sequence[Sink],
    batch_tokens: int,
    gates: bool = False,
    done: Done = lambda _: None,
) -> None:
    """Show ``sinks`` the coefficients at positions P-1 to P+n-2, from which the n tokens were predicted.

    One pass over prompt and answer (teacher forcing) gives the same coefficients as writing step by step with
    a cache, as a causal model cannot look ahead. The head is not computed, and no coefficient is kept.
    Padding stands at the end, where no token sees it.

    Args:
        model: Loaded, in evaluation mode.
        neurons: Its neurons.
        texts: What is read.
        sinks: Where coefficients go.
        batch_tokens: Tokens of a batch, padding included; on a processor 1024 at most, which is faster.
        gates: Whether gates and linear keys are shown too.
        done: Told how many more texts are read.
    """
    inner = plain(model)
    trunk = trunk_of(inner, neurons.anatomy)
    for batch in batches_of(texts, inner.get_input_embeddings().weight.device, batch_tokens):
        seen = _Shown(batch, sinks)
        with on_coefficients(inner, neurons, seen, gates=gates):
            trunk(input_ids=batch.ids, use_cache=False)
        seen.show_the_rest(neurons)
        done(len(batch.numbers))


def batches_of(texts: Sequence[Written], device: torch.device, batch_tokens: int) -> Iterator["Batch"]:
    """Texts of similar length together, the longest first."""
    budget = min(batch_tokens, PROCESSOR_TOKENS) if device.type == "cpu" else batch_tokens
    for numbers in token_batches([len(text.ids) for text in texts], budget):
        yield Batch([texts[i] for i in numbers], numbers, device)


class Batch:
    """Texts padded at the end, and where in ``[rows * length]`` the tokens are that count.

    Attributes:
        numbers: Which texts these are.
        ids: ``[rows, length]``.
        places: Of the tokens that count, int64 ``[k]``.
        owners: The text that each belongs to, ``[k]``.
        rank: The number of each place among those that count, ``[rows * length]``; -1 for the others.
    """

    def __init__(self, texts: Sequence[Written], numbers: Sequence[int], device: torch.device) -> None:
        self.numbers = list(numbers)
        rows = [text.ids for text in texts]
        longest = max(map(len, rows))
        padded = [[*ids, *[ids[0]] * (longest - len(ids))] for ids in rows]
        self.ids = torch.tensor(padded, device=device)
        places: list[int] = []
        owners: list[int] = []
        for row, (text, number) in enumerate(zip(texts, numbers, strict=True)):
            first = row * longest + len(text.prompt) - 1
            places += range(first, first + text.count)
            owners += [number] * text.count
        self.places, self.owners = torch.tensor(places), torch.tensor(owners)
        self.rank = torch.full((len(rows) * longest,), -1)
        self.rank[self.places] = torch.arange(len(places))


@dataclass
class _Shown:
    """Takes out of every pass what counts, and hands it on."""

    batch: Batch
    sinks: Sequence[Sink]
    parts: set[Part] = field(default_factory=set)

    def __call__(self, seen: Seen) -> None:
        device, batch = seen.values.device, self.batch
        if seen.tokens is None:
            rows, owners = batch.places.to(device), batch.owners
        else:
            ranks = batch.rank.to(device)[seen.tokens]
            rows = (ranks >= 0).nonzero()[:, 0]
            owners = batch.owners[ranks[rows].cpu()]
        gate, up = (None if one is None else one[rows] for one in (seen.gate, seen.up))
        self._hand_on(Taken(seen.part, seen.values[rows], owners, len(batch.places), gate, up))

    def show_the_rest(self, neurons: Neurons) -> None:
        """Experts to which no token was sent: their coefficients are 0."""
        for part in neurons.parts:
            if part not in self.parts:
                nothing, nobody = torch.zeros(0, part.size), torch.zeros(0, dtype=torch.int64)
                self._hand_on(Taken(part, nothing, nobody, len(self.batch.places)))

    def _hand_on(self, taken: Taken) -> None:
        self.parts.add(taken.part)
        for sink in self.sinks:
            sink.take(taken)
