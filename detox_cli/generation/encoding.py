"""Requests as token ids, and the reasons why a request cannot be answered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from transformers.cache_utils import DynamicCache

from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.chat import ChatFormat, chat_ids, read_chat_format
from detox_cli.generation.requests import Request, Sampling

READ_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt that a model can read.

    Attributes:
        ids: Token ids, special tokens included.
        stop: Texts that end an answer to this prompt, besides those of the sampling.
    """

    ids: tuple[int, ...]
    stop: tuple[str, ...] = ()


class PromptReader:
    """Turns prompts into token ids for one model.

    Args:
        tokenizer: The model's own.
        config: The model's configuration; it says how long a prompt can be.
    """

    def __init__(self, tokenizer: Any, config: Any) -> None:
        self.tokenizer = tokenizer
        self.encoder_decoder = bool(config.is_encoder_decoder)
        self.context = context_length(config)
        self.chat: ChatFormat = read_chat_format(tokenizer)

    def read(self, requests: Sequence[Request]) -> list[Encoded]:
        """Token ids of every request's prompt, in order; see `fault` for what cannot be answered."""
        return list(self.stream(requests))

    def stream(self, requests: Sequence[Request]) -> Iterator[Encoded]:
        """The same one after the other, of which none is kept here."""
        for first in range(0, len(requests), READ_AT_ONCE):
            yield from self._read(requests[first : first + READ_AT_ONCE])

    def _read(self, requests: Sequence[Request]) -> list[Encoded]:
        texts = [r.prompt for r in requests if isinstance(r.prompt, str)]
        raw = iter(self.tokenizer(texts).input_ids if texts else ())
        found = [self._text(r, next(raw)) if isinstance(r.prompt, str) else self._chat(r) for r in requests]
        return [self._led(r, one) if r.lead else one for r, one in zip(requests, found, strict=True)]

    def fault(self, encoded: Encoded, sampling: Sampling) -> str | None:
        """Why a prompt cannot be answered: it is empty, or does not fit the context. Else ``None``."""
        if not encoded.ids:
            return "the prompt is empty"
        if self.context is None:
            return None
        need = len(encoded.ids) + (0 if self.encoder_decoder else sampling.max_new_tokens)
        if need > self.context:
            new = "" if self.encoder_decoder else f" and {sampling.max_new_tokens} new tokens"
            return f"prompt of {len(encoded.ids)} tokens{new} exceed the model's context of {self.context}"
        if self.encoder_decoder and sampling.max_new_tokens + 1 > self.context:
            return f"{sampling.max_new_tokens} new tokens exceed the model's context of {self.context}"
        return None

    def faults(self, requests: Sequence[Request], sampling: Sampling) -> dict[str, str]:
        """`fault` of every request that has one, by id."""
        reasons = (self.fault(prompt, sampling) for prompt in self.stream(requests))
        faulty = [(place, reason) for place, reason in enumerate(reasons) if reason is not None]
        return {requests[place].id: reason for place, reason in faulty}

    def stream_answerable(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Encoded]:
        """`stream`, up to the first prompt that cannot be answered.

        Raises:
            BadData: That one has a `fault`.
        """
        for place, prompt in enumerate(self.stream(requests)):
            if reason := self.fault(prompt, sampling):
                raise BadData(reason, where=requests[place].id, hint="leave it out, or shorten it")
            yield prompt

    def _text(self, request: Request, ids: list[int]) -> Encoded:
        end = self.tokenizer.eos_token_id
        if (
            not self.encoder_decoder
            and len(ids) > 1
            and ids[-1] == end
            and not _ends(request, self.tokenizer)
        ):
            ids = ids[:-1]  # some tokenizers close every text; a prompt is to be continued
        if not ids and self.tokenizer.bos_token_id is not None:
            ids = [self.tokenizer.bos_token_id]
        return Encoded(tuple(ids))

    def _led(self, request: Request, prompt: Encoded) -> Encoded:
        if self.encoder_decoder:
            raise BadSettings(
                "an encoder-decoder's answers cannot be begun for it", hint="leave the lead out"
            )
        lead = self.tokenizer(request.lead, add_special_tokens=False).input_ids
        return replace(prompt, ids=(*prompt.ids, *lead))

    def _chat(self, request: Request) -> Encoded:
        assert not isinstance(request.prompt, str)
        if self.encoder_decoder:
            raise BadSettings("an encoder-decoder reads text, not a conversation", hint="leave --chat out")
        return Encoded(tuple(chat_ids(self.tokenizer, request.prompt, self.chat)), self.chat.stop)


def stop_tokens(tokenizer: Any, chat: ChatFormat | None, own: int | list[int] | None) -> list[int]:
    """Token ids that end an answer: the model's, the tokenizer's, and the end of a turn in a chat.

    Args:
        tokenizer: The model's own.
        chat: How conversations are written; ``None`` if none are asked about.
        own: ``eos_token_id`` of the model's generation settings.
    """
    listed = own if isinstance(own, list) else [own]
    listed = [*listed, tokenizer.eos_token_id, chat.end_of_turn if chat else None]
    return sorted({int(token) for token in listed if token is not None})


def first_tokens(text: str, count: int, tokenizer: Any) -> str:
    """The beginning of a text that is ``count`` tokens long; the whole text if it has no more."""
    ids = tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    if len(ids) <= count:
        return text
    begun = str(tokenizer.decode(ids[:count]))
    space = text[: len(text) - len(text.lstrip())]  # some tokenizers drop it at the start of a text
    return begun if text.startswith(begun) or not text.startswith(space + begun) else space + begun


def context_length(config: Any) -> int | None:
    """The most positions a model has; ``None`` for models with relative positions that state no limit."""
    text = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    if hasattr(text, "relative_attention_num_buckets"):
        return None
    limit = getattr(text, "max_position_embeddings", None)
    return int(limit) if isinstance(limit, int) and limit > 0 else None


def attention_window(config: Any) -> int | None:
    """How far back the shortest-sighted layer looks; ``None`` if every layer sees everything."""
    layers = DynamicCache(config=config).layers
    return min((int(layer.sliding_window) for layer in layers if layer.is_sliding), default=None)


def _ends(request: Request, tokenizer: Any) -> bool:
    return str(request.prompt).endswith(tokenizer.eos_token or "\0")
