"""The one language that every engine speaks: requests in, completions out."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

Role = Literal["system", "user", "assistant"]
Part = TypeVar("Part")
FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """Ask for ``samples`` outputs for one prompt: raw text, or a conversation to be rendered.

    ``seed`` belongs to the row: with the same seed a row gets the same samples whatever else is asked for.
    ``lead`` begins every answer: its tokens follow the prompt's, and are not given back.
    """

    id: str
    prompt: str | tuple[Turn, ...]
    seed: int
    samples: int = 1
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen. ``temperature=0`` is greedy; ``num_beams > 1`` is beam search.

    With ``specials`` answers keep their special tokens as text, such as the sentinels of T5 (engine
    transformers).
    """

    max_new_tokens: int = 64
    temperature: float = 0.8
    top_p: float = 0.9
    top_k: int = 0
    num_beams: int = 1
    no_repeat_ngram_size: int = 0
    stop: tuple[str, ...] = field(default=())
    specials: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One output: its text without special tokens, why it ended, and how many tokens it took."""

    text: str
    finish_reason: FinishReason
    tokens: int


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to one request, its samples in order; or no samples, and the ``fault`` that is why."""

    id: str
    seed: int
    prompt_tokens: int
    samples: tuple[Sample, ...]
    fault: str = ""


class Engine(Protocol):
    """Something that answers requests."""

    @property
    def identity(self) -> dict[str, str]:
        """What answered: engine, model name, revision, fingerprint, dtype, device."""

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, done: Collection[str] = ()
    ) -> Iterator[Completion]:
        """Answer ``requests`` as results come, in any order.

        ``done`` names the requests that an earlier run has answered. They still count when batches are
        formed, so that a resumed run computes the others in the same company, bit for bit.
        """


@dataclass(frozen=True)
class Plan(Generic[Part]):
    """Everything that is asked for in one call, in parts that can be answered apart without another bit.

    Attributes:
        parts: The requests of a part, in the form that the engine needs.
        answer: Answers the requests of one part, but for those that an earlier run has answered, by id.
    """

    parts: Sequence[Part]
    answer: Callable[[Part, Collection[str]], Iterator[Completion]]

    def answer_all(self, done: Collection[str]) -> Iterator[Completion]:
        """One part after the other."""
        for part in self.parts:
            yield from self.answer(part, done)


class DivisibleEngine(Engine, Protocol):
    """An engine whose work can be divided among several that are equal."""

    def plan(self, requests: Sequence[Request], sampling: Sampling) -> Plan[Any]:
        """Form all parts; raises what ``generate`` raises before its first answer."""
