"""The engine for large jobs on GPUs: vLLM in this process, prompts written by our own chat module."""

import os
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

from transformers import GenerationConfig

from detox_cli.errors import DetoxError
from detox_cli.generation.answers import sample_text
from detox_cli.generation.encoding import Encoded, PromptReader, stop_tokens
from detox_cli.generation.made import Made, packed
from detox_cli.generation.requests import Completion, Plan, Request, Sample, Sampling
from detox_cli.generation.rules import not_applied
from detox_cli.generation.seeds import short_seed
from detox_cli.generation.server_engine import refuse_unknown
from detox_cli.generation.transformers_engine import Warn, say_nothing
from detox_cli.generation.vllm_start import check_split, on_cpu, require_vllm, start
from detox_cli.models.adapter_fit import check_fit
from detox_cli.models.adapters import Adapter
from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.sources import ModelSource

Round = Sequence[tuple[Request, Encoded]]
ROUND_SAMPLES = 4096
WHOLE_PROMPTS = 4096
SINGLE_TOKEN_RULES = ("sequence_bias", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens")
QUIET = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # else timing decides which requests share a batch
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",  # stdout is for rows
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_NO_USAGE_STATS": "1",
}


class VllmEngine:
    """Answers requests with vLLM (Kwon et al., 2023), prefix caching on.

    Prompts go in as the same token ids that the transformers engine would read. Requests are handed over in
    rounds that are planned over everything that is asked for, each with an empty prefix cache, so that a
    resumed run computes them in the same company. Samples are other ones than those of the transformers
    engine, since both draw random numbers in their own way.

    Args:
        source: The model, decoder-only.
        dtype: ``auto`` is float32 on a CPU and the checkpoint's own type elsewhere.
        tensor_parallel: GPUs that share the model.
        adapter: Put on the model for all requests.
        trust_remote_code: Run code that the model brings.
        warn: Told what a user should know.
        round_samples: The most samples in a round, one request at least.
        extra: Further arguments of vLLM's ``EngineArgs``.

    Raises:
        Missing: vLLM is not installed.
        BadSettings: vLLM cannot run this model, or not with these settings.
        DetoxError: The memory does not suffice, or something else went wrong while it loaded.
    """

    def __init__(
        self,
        source: ModelSource,
        *,
        dtype: str = "auto",
        tensor_parallel: int = 1,
        adapter: Adapter | None = None,
        trust_remote_code: bool = False,
        warn: Warn = say_nothing,
        round_samples: int = ROUND_SAMPLES,
        **extra: Any,
    ) -> None:
        require_vllm()
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        self.source, self.adapter, self.warn = source, adapter, warn
        self.tensor_parallel, self.round_samples = tensor_parallel, round_samples
        self.tokenizer = load_tokenizer(source, trust_remote_code)
        config = read_config(source, trust_remote_code)
        check_split(source.name, config, tensor_parallel)
        if adapter is not None:
            check_fit(adapter, config, trust_remote_code)  # vLLM would leave out what does not fit
        self.reader = PromptReader(self.tokenizer, config)
        self.settings = _generation_settings(source, trust_remote_code)
        whole = max(self.reader.context or 0, WHOLE_PROMPTS)
        extra = {"max_num_batched_tokens": whole, **extra} if on_cpu() else extra
        self.engine = start(
            source,
            dtype=dtype,
            tensor_parallel=tensor_parallel,
            adapter=adapter,
            trust_remote_code=trust_remote_code,
            extra=extra,
        )
        self.reader.context = int(self.engine.model_config.max_model_len)
        self._tell_limits()

    @property
    def identity(self) -> dict[str, str]:
        """What answers, with everything that can change an answer's bits."""
        import vllm
        from vllm.platforms import current_platform

        return {
            "engine": "vllm",
            "version": vllm.__version__,
            "model": self.source.name,
            "revision": self.source.revision or "",
            "fingerprint": self.source.fingerprint,
            "dtype": str(self.engine.model_config.dtype).removeprefix("torch."),
            "device": str(current_platform.device_type),
            "kind": "decoder-only",
            "chat": self.reader.chat.name,
            "adapter": self.adapter.fingerprint if self.adapter else "",
            "tensor_parallel": str(self.tensor_parallel),
            "round_samples": str(self.round_samples),
        }

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, done: Collection[str] = ()
    ) -> Iterator[Completion]:
        """Answer ``requests`` round by round, within a round as they get ready.

        Raises:
            BadData: A prompt is empty or does not fit the model's context.
            BadSettings: Beam search or blocked n-grams, which this engine does not have.
        """
        finished = frozenset(done)
        if all(request.id in finished for request in requests):
            return
        yield from self.plan(requests, sampling).answer_all(finished)

    def plan(self, requests: Sequence[Request], sampling: Sampling) -> Plan[Round]:
        """All rounds, each a part."""
        refuse_unknown(sampling, "--engine vllm")
        prompts = packed(self.reader.stream_answerable(requests, sampling))
        pairs = Made(len(requests), lambda place: (requests[place], prompts[place]))
        rounds = [slice(first, last) for first, last in _rounds(requests, self.round_samples)]
        return Plan(
            Made(len(rounds), lambda place: pairs[rounds[place]]), partial(self._completions, sampling)
        )

    def _completions(self, sampling: Sampling, some: Round, done: Collection[str]) -> Iterator[Completion]:
        """The answers of a round; a request that is done is computed all the same, for its company."""
        if any(request.id not in done for request, _ in some):
            for completion in self._round(some, sampling):
                if completion.id not in done:
                    yield completion

    def _round(self, pairs: Sequence[tuple[Request, Encoded]], sampling: Sampling) -> Iterator[Completion]:
        """Hand over all requests of a round at once, and give back what is ready after each step."""
        self.engine.reset_prefix_cache()
        ready = self.engine.renderer.render_cmpl([{"prompt_token_ids": list(p.ids)} for _, p in pairs])
        ours: list[str] = []
        try:
            for number, (request, prompt) in enumerate(pairs):
                params = self._params(request, prompt, sampling)
                name = self.engine.add_request(str(number), ready[number], params, lora_request=self._lora())
                ours.append(name)
            while self.engine.has_unfinished_requests():
                for output in self.engine.step():
                    if output.finished:
                        yield self._completion(*pairs[int(output.request_id)], sampling, output)
        finally:
            if self.engine.has_unfinished_requests():
                self.engine.abort_request(ours, internal=True)

    def _params(self, request: Request, prompt: Encoded, sampling: Sampling) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        chat = None if isinstance(request.prompt, str) else self.reader.chat
        return SamplingParams(
            n=1 if sampling.temperature == 0 else request.samples,
            seed=short_seed(request.seed),
            max_tokens=sampling.max_new_tokens,
            min_tokens=min(self.settings.min_new_tokens or 0, sampling.max_new_tokens),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            repetition_penalty=self.settings.repetition_penalty or 1.0,
            stop=[*sampling.stop, *prompt.stop],
            stop_token_ids=stop_tokens(self.tokenizer, chat, self.settings.eos_token_id),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _lora(self) -> Any:
        if self.adapter is None:
            return None
        from vllm.lora.request import LoRARequest

        return LoRARequest("adapter", 1, str(self.adapter.folder))

    def _completion(self, request: Request, prompt: Encoded, sampling: Sampling, output: Any) -> Completion:
        stops = (*sampling.stop, *prompt.stop)
        written = sorted(output.outputs, key=lambda one: one.index)
        samples = [self._sample(request, one, prompt.ids[-1], stops) for one in written]
        if len(samples) < request.samples:
            samples *= request.samples  # greedy samples are all the same
        return Completion(request.id, request.seed, len(prompt.ids), tuple(samples))

    def _sample(self, request: Request, one: Any, before: int, stops: Sequence[str]) -> Sample:
        if one.finish_reason not in ("stop", "length"):
            raise DetoxError(
                f"vLLM gave up this row: {one.finish_reason}",
                where=request.id,
                hint="the same command goes on from here; use --engine transformers if it stays so",
            )
        by_token = one.finish_reason == "stop" and not isinstance(one.stop_reason, str)
        tokens = list(one.token_ids)
        text, cut = sample_text(self.tokenizer, tokens[:-1] if by_token else tokens, before, stops)
        return Sample(text, "stop" if cut else one.finish_reason, len(tokens))

    def _tell_limits(self) -> None:
        for name in (*not_applied(self.settings), *SINGLE_TOKEN_RULES):
            if getattr(self.settings, name, None) is not None:
                self.warn(f"{self.source.name} sets {name} for generation, which is not applied by vLLM")


def _rounds(requests: Sequence[Request], most: int) -> Iterator[tuple[int, int]]:
    """Slices of the requests with at most ``most`` samples, at least one request."""
    first = samples = 0
    for place, request in enumerate(requests):
        if place > first and samples + request.samples > most:
            yield first, place
            first, samples = place, 0
        samples += request.samples
    yield first, len(requests)


def _generation_settings(source: ModelSource, trust_remote_code: bool) -> Any:
    try:
        return GenerationConfig.from_pretrained(source.location, revision=source.revision)
    except OSError:
        return GenerationConfig.from_model_config(read_config(source, trust_remote_code))
