"""The default engine: transformers models, batches of similar length, shared work done once."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from detox_cli.errors import BadSettings, DetoxError
from detox_cli.generation.batch_run import BatchRun, Budget
from detox_cli.generation.batching import Job, joined_batches
from detox_cli.generation.encoding import Encoded, PromptReader, stop_tokens
from detox_cli.generation.made import packed
from detox_cli.generation.proof import prove
from detox_cli.generation.requests import Completion, Plan, Request, Sample, Sampling
from detox_cli.generation.rules import not_applied
from detox_cli.models.adapters import Adapter
from detox_cli.models.loading import Loaded

BATCH_TOKENS = 16384
BATCH_ROWS = 512

Warn = Callable[[str], None]


def say_nothing(_: str) -> None:
    """The listener of an engine that nobody listens to."""


class TransformersEngine:
    """Answers requests with a decoder-only or encoder-decoder model of transformers.

    A row's samples depend on its seed and its logits alone. Logits depend, in their last digits, on the
    batch; the batches are planned over all requests, so the same requests give the same bits.

    Args:
        loaded: The model and its tokenizer.
        batch_tokens: The most tokens in the cache at a time: rows times prompt and new tokens.
        batch_rows: The most samples at a time.
        warn: Told what a user should know, such as a batch that had to be halved.
        adapter: The adapter that was put on the model.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        batch_tokens: int = BATCH_TOKENS,
        batch_rows: int = BATCH_ROWS,
        warn: Warn = say_nothing,
        adapter: Adapter | None = None,
    ) -> None:
        self.adapter = adapter
        self.model: Any = loaded.model
        self.tokenizer: Any = loaded.tokenizer
        self.source = loaded.source
        self.batch_tokens, self.batch_rows, self.warn = batch_tokens, batch_rows, warn
        self.reader = PromptReader(self.tokenizer, self.model.config)
        self.loop = prove(self.model)
        self._tell_limits()

    @property
    def encoder_decoder(self) -> bool:
        """Whether the model rewrites a source, rather than continuing a prompt."""
        return self.reader.encoder_decoder

    @property
    def identity(self) -> dict[str, str]:
        """What answers, with everything that can change an answer's bits."""
        return {
            "engine": "transformers",
            "model": self.source.name,
            "revision": self.source.revision or "",
            "fingerprint": self.source.fingerprint,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "device": self.model.device.type,
            "kind": "encoder-decoder" if self.encoder_decoder else "decoder-only",
            "loop": self.loop,
            "attention": str(self.model.config._attn_implementation),
            "quantize": _quantized(self.model),
            "adapter": self.adapter.fingerprint if self.adapter else "",
            "chat": self.reader.chat.name,
            "batch_tokens": str(self.batch_tokens),
            "batch_rows": str(self.batch_rows),
        }

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, done: Collection[str] = ()
    ) -> Iterator[Completion]:
        """Answer ``requests`` batch by batch, in the order of the plan, longest prompts first.

        Raises:
            BadData: A prompt is empty or does not fit the model's context.
            BadSettings: More samples than beams, or a conversation for an encoder-decoder.
        """
        finished = frozenset(done)
        if all(request.id in finished for request in requests):
            return
        yield from self.plan(requests, sampling).answer_all(finished)

    def plan(self, requests: Sequence[Request], sampling: Sampling) -> Plan[list[list[Job]]]:
        """All batches, those that have a request in common in one part."""
        run = self._run(requests, self._read(requests, sampling), sampling)
        return Plan(joined_batches(run.batches), partial(self._completions, run))

    def stop_tokens(self, *, chat: bool) -> list[int]:
        """Token ids that end an answer: the model's, the tokenizer's, and the end of a turn in a chat."""
        own = self.model.generation_config.eos_token_id
        return stop_tokens(self.tokenizer, self.reader.chat if chat else None, own)

    def _read(self, requests: Sequence[Request], sampling: Sampling) -> Sequence[Encoded]:
        if sampling.num_beams > 1 and any(r.samples > sampling.num_beams for r in requests):
            raise BadSettings(
                f"{sampling.num_beams} beams cannot give more samples than that", hint="ask for fewer samples"
            )
        return packed(self.reader.stream_answerable(requests, sampling))

    def _run(self, requests: Sequence[Request], prompts: Sequence[Encoded], sampling: Sampling) -> BatchRun:
        ends = self.stop_tokens(chat=any(not isinstance(request.prompt, str) for request in requests))
        budget = Budget(self.batch_tokens, self.batch_rows)
        return BatchRun(self.model, self.tokenizer, self.loop, requests, prompts, sampling, ends, budget)

    def _completions(
        self, run: BatchRun, batches: list[list[Job]], done: Collection[str]
    ) -> Iterator[Completion]:
        """The answers to all requests of some batches; batches with nothing but done ones are left out."""
        parts: dict[int, dict[int, Sample]] = {}
        for batch in batches:
            if all(run.requests[job.request].id in done for job in batch):
                continue
            for job, samples in self._answer(run, batch):
                have = parts.setdefault(job.request, {})
                have.update(zip(range(job.first, job.first + job.count), samples, strict=True))
                request = run.requests[job.request]
                if len(have) == request.samples and request.id not in done:
                    ordered = tuple(have[i] for i in range(request.samples))
                    length = len(run.prompts[job.request].ids)
                    yield Completion(request.id, request.seed, length, ordered)

    def _answer(self, run: BatchRun, batch: list[Job]) -> Iterator[tuple[Job, list[Sample]]]:
        """The samples of every job of a batch; a batch that does not fit into memory is halved."""
        try:
            answers = run.answer(batch)
        except torch.OutOfMemoryError as error:
            halves = _halves(batch)
            if halves is None:
                raise DetoxError("one row does not fit into memory", hint="use shorter rows") from error
            rows = sum(job.count for job in batch)
            self.warn(
                f"out of memory with {rows} rows, halved; set a batch budget below "
                f"{self.batch_tokens} tokens to have the same bits again"
            )
        else:
            yield from zip(batch, answers, strict=True)
            return
        torch.cuda.empty_cache()
        for half in halves:
            yield from self._answer(run, half)

    def _tell_limits(self) -> None:
        if self.loop == "generate":
            self.warn(
                f"{self.source.name} is of a family that the batched loop is not right for; "
                "model.generate answers one prompt at a time"
            )
        for name in not_applied(self.model.generation_config):
            self.warn(f"{self.source.name} sets {name} for generation, which is not applied")


def _quantized(model: Any) -> str:
    if getattr(model, "is_loaded_in_4bit", False):
        return "4bit"
    return "8bit" if getattr(model, "is_loaded_in_8bit", False) else ""


def _halves(batch: list[Job]) -> tuple[list[Job], list[Job]] | None:
    """A batch in two, splitting the samples of its only job if need be; ``None`` if it is one row."""
    if len(batch) > 1:
        return batch[: len(batch) // 2], batch[len(batch) // 2 :]
    job, half = batch[0], batch[0].count // 2
    if half == 0:
        return None
    return [replace(job, count=half)], [replace(job, first=job.first + half, count=job.count - half)]
