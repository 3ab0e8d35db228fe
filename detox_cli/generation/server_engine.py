"""The engine that asks a server: any that speaks OpenAI's protocol, such as vLLM's or a hosted one."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal

from detox_cli.errors import BadData, BadSettings, DetoxError, Missing
from detox_cli.generation.answers import cut
from detox_cli.generation.made import Made
from detox_cli.generation.requests import Completion, Plan, Request, Sample, Sampling
from detox_cli.generation.seeds import short_seed
from detox_cli.generation.server_client import (
    GIVE_KEY,
    KEY_STATUSES,
    LISTED,
    Malformed,
    Patience,
    Refusal,
    ServerClient,
    address,
    check_key_is_hidden,
    headers,
    list_models,
)
from detox_cli.generation.transformers_engine import Warn, say_nothing

MOST_REFUSED = 16
"""So many refusals before a first answer are about all rows, not about these."""

PART_ROUNDS = 8
"""A part of the work has so many requests for each that is on its way at a time."""
ROW_STATUSES = (400, 413, 422)


@dataclass(frozen=True)
class ServedModel:
    """A model as its server states it; made by `find_served`.

    Attributes:
        base_url: Where the server is; it says nothing about the model.
        id: The name under which the server answers.
        kind: Who the server says owns the model, such as ``vllm``; empty if it does not list the model.
        root: What vLLM says lies behind the name.
        others: Other names on the server's list.
    """

    base_url: str
    id: str
    kind: str = ""
    root: str = ""
    others: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A hash of what the server states. It is the server's word: nobody here saw the weights."""
        stated = "\0".join((self.kind, self.id, self.root))
        return f"stated:{hashlib.sha256(stated.encode()).hexdigest()[:16]}"


def find_served(base_url: str, model: str, key: str | None, plain_http: bool = False) -> ServedModel:
    """Ask the server what it knows about a model.

    With ``plain_http`` a key may be sent without encryption.

    Raises:
        BadSettings: ``base_url`` is no address, or the key would be sent unencrypted over a network.
        Missing: No server answers, or it wants a key.
    """
    place = address(base_url)
    if not plain_http:
        check_key_is_hidden(place, key, "--base-url", "use https, a tunnel to localhost, or --plain-http")
    cards = {str(card["id"]): card for card in list_models(place, key)}
    card = cards.get(model, {})
    others = tuple(sorted(name for name in cards if name != model))
    return ServedModel(place, model, str(card.get("owned_by") or ""), str(card.get("root") or ""), others)


class ServerEngine:
    """Answers requests by asking a server, several at a time.

    Conversations go to ``/chat/completions``, where the server's own template renders them; raw text goes to
    ``/completions``. Every row sends its seed. Samples of a row are asked for in one request where the
    server is vLLM, which counts the tokens of each; elsewhere in one request per sample.

    Args:
        served: The model and its server.
        key: The server's key; it is in no record.
        concurrency: The most requests at a time.
        patience: How often and how long to try.
        warn: Told what a user should know.
    """

    def __init__(
        self,
        served: ServedModel,
        *,
        key: str | None = None,
        concurrency: int = 16,
        patience: Patience | None = None,
        warn: Warn = say_nothing,
    ) -> None:
        self.served, self.key, self.concurrency, self.warn = served, key, concurrency, warn
        self.patience = patience or Patience()
        self._answered_by: set[str] = set()
        self._cuts = False

    @property
    def identity(self) -> dict[str, str]:
        """What answers, as far as the server says; its address is not part of it."""
        return {
            "engine": "server",
            "model": self.served.id,
            "revision": "",
            "fingerprint": self.served.fingerprint,
            "server": self.served.kind,
            "root": self.served.root,
            "answered_by": ", ".join(sorted(self._answered_by)),
            "kind": "decoder-only",
        }

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, done: Collection[str] = ()
    ) -> Iterator[Completion]:
        """Answer ``requests`` as the server's answers come.

        A row that the server refuses (too long for the model, say) is a completion with a fault.

        Raises:
            BadSettings: Beam search or blocked n-grams, which the protocol does not have.
            BadData: The server refuses the first rows one and all.
            Missing: The server is away, has no such model, or wants a key.
            DetoxError: The server is busy or broken, and stayed so.
        """
        refuse_unknown(sampling, "--engine server")
        finished = frozenset(done)
        todo = (request for request in requests if request.id not in finished)
        answered, refused = bool(done), 0
        for completion in self._flow(todo, sampling):
            answered = answered or not completion.fault
            refused += bool(completion.fault)
            if not answered and refused == MOST_REFUSED:
                hint = "it may be about the settings; check them, or give rows that the server can answer"
                raise BadData(completion.fault, where=completion.id, hint=hint)
            yield completion

    def plan(self, requests: Sequence[Request], sampling: Sampling) -> Plan[Sequence[Request]]:
        """A few requests in each part: to a server no request is in the company of another."""
        refuse_unknown(sampling, "--engine server")
        size = PART_ROUNDS * self.concurrency
        count = -(-len(requests) // size)
        parts = Made(count, lambda place: requests[place * size : (place + 1) * size])
        return Plan(parts, lambda some, done: self.generate(some, sampling, done))

    def _flow(self, todo: Iterator[Request], sampling: Sampling) -> Iterator[Completion]:
        """Keep ``concurrency`` requests on the way; leaving this early cancels them."""
        limits = httpx2.Limits(max_connections=self.concurrency, max_keepalive_connections=self.concurrency)
        timeout = httpx2.Timeout(self.patience.timeout, connect=10.0, pool=None)
        with start_blocking_portal() as portal:
            opened = httpx2.AsyncClient(headers=headers(self.key), limits=limits, timeout=timeout)
            with portal.wrap_async_context_manager(opened) as http:
                client = ServerClient(http, self.served.base_url, self.patience, self.warn)
                yield from self._window(portal, client, todo, sampling)

    def _window(
        self, portal: BlockingPortal, client: ServerClient, waiting: Iterator[Request], sampling: Sampling
    ) -> Iterator[Completion]:
        pending: set[Future[Completion]] = set()
        while True:
            while len(pending) < self.concurrency and (request := next(waiting, None)) is not None:
                pending.add(portal.start_task_soon(self._answer, client, request, sampling))
            if not pending:
                return
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            # What was answered is handed on before an error ends the work.
            for future in sorted(finished, key=lambda item: item.exception() is not None):
                yield future.result()

    async def _answer(self, client: ServerClient, request: Request, sampling: Sampling) -> Completion:
        samples: list[Sample] = []
        wanted = 1 if sampling.temperature == 0 else request.samples
        several = self.served.kind == "vllm"
        try:
            while len(samples) < wanted:
                count = wanted - len(samples) if several else 1
                path, body = self._question(request, sampling, len(samples), count)
                tokens, found = await client.post(path, body, partial(self._read, count, sampling.stop))
                samples += found
        except Refusal as refusal:
            return self._refused(request, refusal)
        except _OtherEnd as other:
            return Completion(request.id, request.seed, 0, (), fault=str(other))
        if wanted < request.samples:
            samples *= request.samples  # greedy samples are all the same
        return Completion(request.id, request.seed, tokens, tuple(samples))

    def _question(
        self, request: Request, sampling: Sampling, first: int, count: int
    ) -> tuple[str, dict[str, Any]]:
        """Path and body for ``count`` samples of a request, the ``first``-th and those after it."""
        body: dict[str, Any] = {
            "model": self.served.id,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": short_seed(request.seed) + first,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.top_k or self.served.kind == "vllm":  # vLLM would put the model's own top-k there
            body["top_k"] = sampling.top_k
        if count > 1:
            body |= {"n": count, "return_token_ids": True}
        if request.lead:
            raise BadSettings("a server's answers cannot be begun for it", hint="leave the lead out")
        if isinstance(request.prompt, str):
            return "/completions", body | {"prompt": request.prompt}
        turns = [{"role": turn.role, "content": turn.text} for turn in request.prompt]
        return "/chat/completions", body | {"messages": turns}

    def _read(self, count: int, stops: Sequence[str], said: Any) -> tuple[int, list[Sample]]:
        """Prompt tokens and samples of an answer."""
        try:
            prompt, written = int(said["usage"]["prompt_tokens"]), int(said["usage"]["completion_tokens"])
            choices = sorted(said["choices"], key=lambda choice: int(choice["index"]))
            found = [_sample(choice, written if count == 1 else None) for choice in choices]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise Malformed(f"an answer of another shape ({error!r})") from error
        if len(found) != count:
            raise Malformed(f"{len(found)} samples where {count} were asked for")
        self._answered_by.add(str(said.get("model") or self.served.id))
        return prompt, [self._ended(sample, stops) for sample in found]

    def _ended(self, sample: Sample, stops: Sequence[str]) -> Sample:
        """The sample before its first stop text; some servers end there and leave it in, some go on."""
        shorter = cut(sample.text, stops)
        if shorter == sample.text:
            return sample
        if not self._cuts:
            self._cuts = True
            self.warn("the server leaves stop texts in its answers; they are cut here, their tokens counted")
        return replace(sample, text=shorter, finish_reason="stop")

    def _refused(self, request: Request, refusal: Refusal) -> Completion:
        """A completion with a fault if it is about this row, an error if it is about all."""
        reason = f"the server refuses it with {refusal.status}: {refusal}"
        if refusal.status in ROW_STATUSES:
            return Completion(request.id, request.seed, 0, (), fault=reason)
        if refusal.status in KEY_STATUSES:
            raise Missing(reason, where=request.id, hint=GIVE_KEY)
        if refusal.status == 404:
            listed = ", ".join(self.served.others[:LISTED])
            hint = f"the server lists: {listed}" if listed else "check --model and --base-url"
            raise Missing(reason, where=request.id, hint=hint)
        raise DetoxError(reason, where=request.id, hint="check --base-url and the settings")


class _OtherEnd(Exception):
    """A sample that ended neither by itself nor by its limit, such as by a content filter."""


def refuse_unknown(sampling: Sampling, where: str) -> None:
    """Raise ``BadSettings`` for ways to choose tokens that only the transformers engine has."""
    if sampling.num_beams > 1:
        raise BadSettings("there is no beam search", where=where, hint="leave --num-beams out")
    if sampling.no_repeat_ngram_size:
        raise BadSettings(
            "there is no blocking of n-grams", where=where, hint="leave --no-repeat-ngram-size out"
        )


def _sample(choice: dict[str, Any], tokens: int | None) -> Sample:
    reason = str(choice["finish_reason"])
    if reason not in ("stop", "length"):
        raise _OtherEnd(f"the server ended the answer for another reason: {reason}")
    message = choice.get("message")
    text = choice["text"] if message is None else message.get("content") or message.get("refusal") or ""
    count = len(choice["token_ids"]) if tokens is None else tokens
    return Sample(str(text), "stop" if reason == "stop" else "length", count)
