"""Chains as token ids with labels: the prompt's ids are the very ones that an engine reads at inference."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from detox_cli.data.chains.serialise import WrittenChain
from detox_cli.data.chains.template import ChainTemplate
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.encoding import PromptReader
from detox_cli.generation.requests import Request, Turn

IGNORED = -100
"""The label of a token that is not learnt, as the loss of PyTorch has it."""
OverLength = Literal["truncate-prompt", "drop", "error"]


@dataclass(frozen=True, slots=True)
class EncodedChain:
    """A chain as a model learns it.

    Attributes:
        id: Of its record.
        input_ids: Prompt, chain and end of sequence; for an encoder-decoder the prompt alone.
        labels: As long as ``input_ids``, `IGNORED` over exactly the prompt; for an encoder-decoder the chain
            and the end of sequence.
        answer_start: Where in ``labels`` the continuation starts.
        prompt_length: Tokens of the prompt.
    """

    id: str
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    answer_start: int
    prompt_length: int


def question(template: ChainTemplate, prompt: str) -> str | tuple[Turn, ...]:
    """What an engine is asked: the prompt in its form, or a conversation that ends with it."""
    if not template.chat:
        return prompt
    system = (Turn("system", template.system),) if template.system else ()
    return (*system, Turn("user", prompt))


class ChainEncoder:
    """Encodes chains for one model.

    Prompt and completion are tokenized apart and then joined, so that no token spans the two and the prompt's
    ids at inference are a prefix of the training ids, whatever the tokenizer.

    Args:
        tokenizer: The model's own.
        config: The model's configuration, which says whether it is an encoder-decoder.
        template: The form of the chains.
        max_length: The most tokens of a chain (of an encoder-decoder, of either side); the model's context if
            not given.
        over_length: What happens to a longer one: its prompt is cut from the front by whole words, it is
            dropped, or it is an error.

    Raises:
        BadSettings: The tokenizer has no token that ends a text, or cannot write what the template writes.
    """

    def __init__(
        self,
        tokenizer: Any,
        config: Any,
        template: ChainTemplate,
        *,
        max_length: int | None = None,
        over_length: OverLength = "drop",
    ) -> None:
        self.template, self.over_length = template, over_length
        self.reader = PromptReader(tokenizer, config)
        self.max_length = min(filter(None, (max_length, self.reader.context)), default=None)
        self.end = self._end(tokenizer)
        check_writable(tokenizer, template)

    def encode(self, chains: Sequence[WrittenChain]) -> tuple[list[EncodedChain], dict[str, str]]:
        """Ids and labels of the chains that fit, in order; why the others are left out, by id.

        Raises:
            BadData: A chain is too long, and that is to be an error.
        """
        kept: list[EncodedChain] = []
        left: dict[str, str] = {}
        for chain, encoded in zip(chains, self._encode(chains), strict=True):
            found = encoded if self._fits(encoded) else self._shortened(chain, encoded, left)
            if found is not None:
                kept.append(found)
        return kept, left

    def _encode(self, chains: Sequence[WrittenChain]) -> list[EncodedChain]:
        if not chains:
            return []
        requests = [Request(c.id, question(self.template, c.prompt), seed=0) for c in chains]
        prompts = [encoded.ids for encoded in self.reader.read(requests)]
        completions, contexts = (
            self._plain([c.completion for c in chains]),
            self._plain([c.context for c in chains]),
        )
        joined = []
        for chain, prompt, whole, context in zip(chains, prompts, completions, contexts, strict=True):
            labels = (*whole, self.end)
            start = _common(whole, context)
            if self.reader.encoder_decoder:
                joined.append(EncodedChain(chain.id, prompt, labels, start, len(prompt)))
                continue
            masked = (*[IGNORED] * len(prompt), *labels)
            ids = (*prompt, *labels)
            joined.append(EncodedChain(chain.id, ids, masked, len(prompt) + start, len(prompt)))
        return joined

    def _plain(self, texts: list[str]) -> list[list[int]]:
        """Token ids without anything that the tokenizer puts around a text."""
        return [list(ids) for ids in self.reader.tokenizer(texts, add_special_tokens=False).input_ids]

    def _fits(self, encoded: EncodedChain) -> bool:
        return self.max_length is None or max(len(encoded.input_ids), len(encoded.labels)) <= self.max_length

    def _shortened(
        self, chain: WrittenChain, encoded: EncodedChain, left: dict[str, str]
    ) -> EncodedChain | None:
        length = max(len(encoded.input_ids), len(encoded.labels))
        reason = f"the chain of {length} tokens is longer than {self.max_length}"
        if self.over_length == "error":
            hint = "allow more with --max-length, or say what to do with --over-length"
            raise BadData(reason, where=chain.id, hint=hint)
        found = self._cut(chain) if self.over_length == "truncate-prompt" else None
        if found is None:
            kept = ", even without its prompt" if self.over_length == "truncate-prompt" else ""
            left[chain.id] = reason + kept
        return found

    def _cut(self, chain: WrittenChain) -> EncodedChain | None:
        """The chain with as many words of its prompt, counted from its end, as fit; at least one."""
        words, best = chain.text.split(" "), None
        few, many = 1, len(words) - 1
        while few <= many:
            middle = (few + many) // 2
            shorter = replace(chain, prompt=self.template.ask(" ".join(words[-middle:])))
            (encoded,) = self._encode([shorter])
            if self._fits(encoded):
                best, few = encoded, middle + 1
            else:
                many = middle - 1
        return best

    def _end(self, tokenizer: Any) -> int:
        own = self.reader.chat.end_of_turn if self.template.chat else None
        end = tokenizer.eos_token_id if own is None else own
        if end is None:
            raise BadSettings(
                "the tokenizer has no token that ends a text, so a chain would have no end",
                hint="give the tokenizer an eos_token",
            )
        return int(end)


def check_writable(tokenizer: Any, template: ChainTemplate) -> None:
    """Refuse a template that holds what the tokenizer has no tokens for, as T5's lacks ``<`` and ``{``.

    Raises:
        BadSettings: Something would be written as the unknown token.
    """
    unknown = getattr(tokenizer, "unk_token_id", None)
    literals = [literal for road in template.roads for literal, _ in template.parts(road)]
    for text in (template.mask, *template.reserved, *literals):
        if text and unknown in tokenizer(text, add_special_tokens=False).input_ids:
            raise BadSettings(
                f"the tokenizer cannot write {text!r}, which chains of {template.id} hold",
                hint="use another template, or a copy of this one with other marks",
            )


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences share from the start."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
