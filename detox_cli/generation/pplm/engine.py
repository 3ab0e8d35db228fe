"""An engine whose answer is two continuations: the model's own greedy one, and one that a probe steers."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from detox_cli.generation.answers import sample_text
from detox_cli.generation.batching import rows_that_fit
from detox_cli.generation.encoding import Encoded
from detox_cli.generation.pplm.reading import Past, Reader
from detox_cli.generation.pplm.steering import Position, Steering, fused, moved
from detox_cli.generation.requests import Completion, FinishReason, Request, Sample, Sampling
from detox_cli.generation.sampling import choose_tokens, uniforms
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.probes.probe import LinearProbe

COPIES = 4
"""Keys and values are in memory as they are, as they are moved, and with their gradients."""


class PplmEngine:
    """Answers every request with two samples: unsteered and greedy, then steered and drawn by its seed.

    Prompts of one length are steered side by side; which ones depends on all requests, so the same requests
    give the same bits.

    Args:
        plain: The engine with the model.
        probe: What steers.
        steering: How.

    Raises:
        BadData: The probe does not fit the model.
        BadSettings: The model cannot be steered.
    """

    def __init__(self, plain: TransformersEngine, probe: LinearProbe, steering: Steering) -> None:
        self.plain, self.steering = plain, steering
        self.reader = Reader(plain.model, probe)
        self.start = self.reader.empty()

    @property
    def identity(self) -> dict[str, str]:
        """The engine underneath, and how it is steered."""
        told = {f"pplm {name}": str(value) for name, value in asdict(self.steering).items()}
        return {**self.plain.identity, **told}

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, done: Collection[str] = ()
    ) -> Iterator[Completion]:
        """Answer ``requests``, longest prompts first; of ``sampling`` the length counts."""
        prompts = self.plain.reader.read(requests)
        for batch in self._batches(prompts, sampling.max_new_tokens):
            wanted = [requests[place] for place in batch]
            if all(request.id in done for request in wanted):
                continue
            greedy = {one.id: one.samples[0] for one in self._greedy(wanted, sampling.max_new_tokens)}
            steered = self._steered(wanted, [prompts[place] for place in batch], sampling.max_new_tokens)
            for request, place, sample in zip(wanted, batch, steered, strict=True):
                if request.id not in done:
                    both = (greedy[request.id], sample)
                    yield Completion(request.id, request.seed, len(prompts[place].ids), both)

    def _batches(self, prompts: Sequence[Encoded], new_tokens: int) -> Iterator[list[int]]:
        """Places of prompts of one length, as many as fit."""
        lengths: dict[int, list[int]] = {}
        for place, prompt in enumerate(prompts):
            lengths.setdefault(len(prompt.ids), []).append(place)
        for length in sorted(lengths, reverse=True):
            budget = self.plain.batch_tokens // COPIES
            most = rows_that_fit(length + new_tokens, budget, self.plain.batch_rows)
            places = lengths[length]
            yield from (places[first : first + most] for first in range(0, len(places), most))

    def _greedy(self, requests: Sequence[Request], new_tokens: int) -> Iterator[Completion]:
        once = [replace(request, samples=1) for request in requests]
        return self.plain.generate(once, Sampling(new_tokens, temperature=0))

    def _steered(
        self, requests: Sequence[Request], prompts: Sequence[Encoded], new_tokens: int
    ) -> Iterator[Sample]:
        ends = self.plain.stop_tokens(chat=False)
        ids = torch.tensor([prompt.ids for prompt in prompts], device=self.plain.model.device)
        numbers = uniforms([(request.seed, 1) for request in requests], new_tokens).to(ids.device)
        written = self._write(ids, numbers, ends)
        for prompt, row in zip(prompts, written.tolist(), strict=True):
            stop = next((place for place, token in enumerate(row) if token in ends), None)
            text, _ = sample_text(self.plain.tokenizer, row[:stop], prompt.ids[-1], ())
            reason: FinishReason = "length" if stop is None else "stop"
            yield Sample(text, reason, len(row) if stop is None else stop + 1)

    @torch.no_grad()
    def _write(self, ids: Tensor, numbers: Tensor, ends: Sequence[int]) -> Tensor:
        """Token ids behind prompts ``[rows, length]``, until all rows have ended, ``[rows, new]``."""
        past = behind = self.start
        states = torch.empty(len(ids), 0, len(self.reader.direction), device=ids.device)
        if ids.shape[1] > 1:
            first = self.reader.read(self.start, tokens=ids[:, :-1])
            past, behind, states = first.past, first.past, first.states
        last, written = ids[:, -1:], ids[:, :0]
        stopping = torch.tensor(list(ends), device=ids.device)
        for step in range(numbers.shape[1]):
            plain = self.reader.read(behind, tokens=last)
            at = Position(last, past, plain.logits.float().softmax(-1), plain.past, states)
            last, past = self._next(at, numbers[:, step])
            behind, states = plain.past, torch.cat([states, plain.states], 1)
            written = torch.cat([written, last], 1)
            if torch.isin(written, stopping).any(1).all():
                break
        return written

    def _next(self, at: Position, uniform: Tensor) -> tuple[Tensor, Past]:
        """The next token of every row, ``[rows, 1]``, and the past that it is to be read behind."""
        past = moved(self.reader, at, self.steering) if at.states.shape[1] else at.past
        read = self.reader.read(past, tokens=at.last)
        drawn = Sampling(temperature=1.0, top_p=1.0, top_k=self.steering.top_k)
        logits: Any = fused(read.logits, at.plain, self.steering)
        return choose_tokens(logits, uniform, drawn)[:, None], read.past
