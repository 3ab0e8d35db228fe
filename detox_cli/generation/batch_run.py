"""One call of an engine: the plan over all requests, and the answers to one batch of it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from detox_cli.errors import BadSettings
from detox_cli.generation.answers import sample_text, stop_check
from detox_cli.generation.attention import SharedPrefix
from detox_cli.generation.batching import Job, Work, common_prefix, plan_batches
from detox_cli.generation.decoding import Row, Stepper, decode
from detox_cli.generation.encoding import Encoded, attention_window
from detox_cli.generation.library_loop import sample_alone, search_beams
from detox_cli.generation.proof import Loop, prove
from detox_cli.generation.requests import Request, Sample, Sampling
from detox_cli.generation.rules import token_rules
from detox_cli.generation.sampling import uniforms
from detox_cli.generation.steppers import (
    CausalStepper,
    EncoderDecoderStepper,
    Ids,
    read_prefix,
    shared_attention,
)

SHORTEST_PREFIX = 8


class Budget(NamedTuple):
    """The most tokens and the most rows of a batch."""

    tokens: int
    rows: int


class BatchRun:
    """What all batches of one call have in common: prompts, their prefix, the plan.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        loop: The decoding loop that was proved for the model.
        requests: Everything that is asked for.
        prompts: Their prompts, in the same order.
        sampling: How tokens are chosen.
        ends: Token ids that end an answer.
        budget: The size of a batch.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        loop: Loop,
        requests: Sequence[Request],
        prompts: Sequence[Encoded],
        sampling: Sampling,
        ends: list[int],
        budget: Budget,
    ) -> None:
        self.model, self.tokenizer, self.loop = model, tokenizer, loop
        self.requests, self.prompts, self.sampling, self.ends = requests, prompts, sampling, ends
        self.cut = self._common()
        self._states: SharedPrefix | None = None
        self.batches = self._plan(budget)

    @torch.inference_mode()
    def answer(self, batch: list[Job]) -> list[list[Sample]]:
        """The samples of every job of a batch, in order."""
        rows = self.rows(batch)
        return [[self._sample(job, row) for row in mine] for job, mine in zip(batch, rows, strict=True)]

    @torch.inference_mode()
    def rows(self, batch: list[Job]) -> list[list[Row]]:
        """The samples of every job of a batch as token ids, in order."""
        prompts = [self.prompts[job.request].ids for job in batch]
        if self.sampling.num_beams > 1:
            most = max(job.count for job in batch)
            found = search_beams(self.model, prompts, most, self.sampling, self.ends)
            return [rows[: job.count] for job, rows in zip(batch, found, strict=True)]
        if self.loop == "generate":
            seed = self.requests[batch[0].request].seed
            return [sample_alone(self.model, prompts[0], seed, batch[0].count, self.sampling, self.ends)]
        rows = iter(self._decode([(j.request, j.first + i) for j in batch for i in range(j.count)]))
        return [[next(rows) for _ in range(job.count)] for job in batch]

    def _common(self) -> int:
        """Tokens that all prompts share and that are read once, 0 where that cannot be or does not pay."""
        if self.loop not in ("shared", "expanded") or self.sampling.num_beams > 1:
            return 0
        longest = max(len(prompt.ids) for prompt in self.prompts) + self.sampling.max_new_tokens
        window = attention_window(self.model.config)
        if window is not None and longest > window:
            return 0  # padding between prefix and prompt would push tokens out of the window
        length = common_prefix(prompt.ids for prompt in self.prompts)
        return length if length >= SHORTEST_PREFIX else 0

    def _plan(self, budget: Budget) -> list[list[Job]]:
        beams = self.sampling.num_beams
        if self.loop == "generate":
            return [[Job(i, 0, request.samples)] for i, request in enumerate(self.requests)]
        once = self.cut if self.loop == "shared" else 0
        work = [
            Work(len(prompt.ids) - once, 1 if beams > 1 else request.samples)
            for prompt, request in zip(self.prompts, self.requests, strict=True)
        ]
        new = self.sampling.max_new_tokens
        batches = plan_batches(work, new, budget.tokens // beams, max(1, budget.rows // beams))
        if beams == 1:
            return batches
        return [[replace(job, count=self.requests[job.request].samples) for job in one] for one in batches]

    def _decode(self, samples: Sequence[tuple[int, int]]) -> list[Row]:
        """Write one row per (request, sample): unique prompts are read once, then forked."""
        own = [self.prompts[request].ids[self.cut :] for request, _ in samples]
        unique = {ids: place for place, ids in enumerate(dict.fromkeys(own))}
        index = torch.tensor([unique[ids] for ids in own], device=self.model.device)
        states = self._prefix()
        with self._attention():
            stepper = self._prefill(list(unique), index, states)
            settings, start = self.model.generation_config, stepper.history.shape[1]
            return decode(
                stepper,
                self._uniforms(samples),
                self.sampling,
                self.ends,
                stop_check(self.tokenizer, [self._stops(request) for request, _ in samples]),
                token_rules(settings, self.sampling, start, self.ends, self.model.device),
                forced_end=settings.forced_eos_token_id is not None,
            )

    def _prefill(self, prompts: Sequence[Ids], index: torch.Tensor, states: SharedPrefix | None) -> Stepper:
        room = self.sampling.max_new_tokens
        if self.model.config.is_encoder_decoder:
            return EncoderDecoderStepper(self.model, prompts, index, room, start_token(self.model))
        prefix = self.prompts[0].ids[: self.cut]
        if self.loop == "shared":
            return CausalStepper(self.model, prompts, index, room, prefix, shared=states)
        return CausalStepper(self.model, prompts, index, room, prefix, expanded=states)

    def _prefix(self) -> SharedPrefix | None:
        """Keys and values of the common prefix, computed by the first batch that needs them."""
        if self.cut and self._states is None:
            self._states = read_prefix(self.model, self.prompts[0].ids[: self.cut])
        return self._states

    def _attention(self) -> AbstractContextManager[None]:
        return shared_attention(self.model) if self.cut and self.loop == "shared" else nullcontext()

    def _uniforms(self, samples: Sequence[tuple[int, int]]) -> torch.Tensor | None:
        if self.sampling.temperature == 0:
            return None
        seeds = [(self.requests[request].seed, sample) for request, sample in samples]
        return uniforms(seeds, self.sampling.max_new_tokens).to(self.model.device)

    def _stops(self, request: int) -> tuple[str, ...]:
        return (*self.sampling.stop, *self.prompts[request].stop)

    def _sample(self, job: Job, row: Row) -> Sample:
        stands_alone = self.model.config.is_encoder_decoder
        before = None if stands_alone else self.prompts[job.request].ids[-1]
        stops, specials = self._stops(job.request), self.sampling.specials
        text, stopped = sample_text(self.tokenizer, row.tokens, before, stops, specials)
        return Sample(text, "stop" if stopped else row.finish_reason, row.count)


def write(
    model: Any, prompts: Sequence[Ids], sampling: Sampling, ends: list[int], batch_tokens: int
) -> list[Row]:
    """One sample of token ids behind each prompt, in order, by the loop that is right for the model.

    Args:
        model: Loaded, in evaluation mode; hooks on it are in effect.
        prompts: Token ids.
        sampling: How tokens are chosen; requests have seed 0.
        ends: Token ids that end a sample.
        batch_tokens: The most tokens in the cache at a time.
    """
    if not prompts:
        return []
    requests = [Request(str(place), "", 0) for place in range(len(prompts))]
    encoded = [Encoded(tuple(prompt)) for prompt in prompts]
    budget = Budget(batch_tokens, len(prompts))
    run = BatchRun(model, None, prove(model), requests, encoded, sampling, ends, budget)
    found: dict[int, Row] = {}
    for batch in run.batches:
        found |= {job.request: row for job, (row,) in zip(batch, run.rows(batch), strict=True)}
    return [found[place] for place in range(len(prompts))]


def start_token(model: Any) -> int:
    """The token that an encoder-decoder's answer starts from."""
    start = model.generation_config.decoder_start_token_id
    start = model.config.decoder_start_token_id if start is None else start
    if start is None:
        raise BadSettings(
            "the model does not say which token its decoder starts from",
            where="decoder_start_token_id",
            hint="set decoder_start_token_id in the model's config.json",
        )
    return int(start[0] if isinstance(start, list) else start)
