"""One prompt as the question that a model was trained on, and what it wrote as an answer."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from detox_cli.data.chains.encode import question
from detox_cli.data.chains.parse import ParsedChain, Verdict, parse
from detox_cli.data.chains.template import ChainTemplate
from detox_cli.errors import BadSettings
from detox_cli.generation.requests import FinishReason, Request, Sample, Sampling
from detox_cli.generation.seeds import row_seed

PUBLISHED = Sampling(max_new_tokens=512, temperature=1.0, top_p=0.9)
"""How chains are drawn in the paper (Tang et al., EMNLP 2024)."""
Shorten = Callable[[str], str]


@dataclass(frozen=True)
class ChainForm:
    """How a model is asked for chains.

    Attributes:
        template: The form that it was trained with.
        retries: How often a sample that is no chain is drawn anew.
        prefill: Whether its chains are begun for it.
        answer_tokens: To how many tokens answers are cut.
        shorten: Cuts an answer to that; needed where answers are cut.
    """

    template: ChainTemplate
    retries: int = 3
    prefill: bool = False
    answer_tokens: int | None = None
    shorten: Shorten | None = None

    def __post_init__(self) -> None:
        if self.prefill and not self.template.prefill:
            raise BadSettings(
                f"the chain template {self.template.id} has no beginning that all chains share",
                hint="leave --chain-prefill out, or state 'prefill' in a template of your own",
            )

    @property
    def lead(self) -> str:
        """What every chain is begun with."""
        return self.template.prefill if self.prefill else ""

    @property
    def decisive(self) -> list[object]:
        """Everything here that changes an answer."""
        return [self.template.stated(), self.retries, self.prefill, self.answer_tokens]

    def request(self, name: str, text: str, seed: int, samples: int) -> Request:
        """The question for a prompt: exactly what stands before the chain in training."""
        return Request(name, question(self.template, self.template.ask(text)), seed, samples, self.lead)

    def again(self, request: Request, attempt: int, samples: int) -> Request:
        """The same question for what an attempt has left open, under another name and with other seeds."""
        name = f"{request.id}\x1f{attempt}"
        seed = row_seed(request.seed, "chain", attempt)
        return Request(name, request.prompt, seed, samples, request.lead)

    def read(self, sample: Sample) -> "ChainAnswer":
        """What a sample says."""
        written = self.lead + sample.text
        parsed = parse(written, self.template)
        said = parsed.continuation
        if said is not None and self.shorten is not None:
            said = self.shorten(said)
        return ChainAnswer(parsed, said or "", written, sample.tokens, sample.finish_reason)


@dataclass(frozen=True, slots=True)
class ChainAnswer:
    """What one sample came to.

    Attributes:
        parsed: The steps of its chain, or why it is none.
        text: The answer; empty if there is none. What is no chain is never passed on as an answer.
        written: What the model wrote, with what its chain was begun with.
        tokens: Tokens written for it, failed attempts counted.
        finish_reason: Why the last attempt ended.
        attempts: How often it was drawn.
    """

    parsed: ParsedChain
    text: str
    written: str
    tokens: int
    finish_reason: FinishReason
    attempts: int = 1

    @property
    def ok(self) -> bool:
        """Whether it is a chain."""
        return self.parsed.ok

    @property
    def verdict(self) -> Verdict | None:
        """What the chain says about the prompt."""
        return self.parsed.verdict

    def after(self, earlier: "ChainAnswer") -> "ChainAnswer":
        """This answer, which was drawn because the earlier one is no chain; its cost is added."""
        tokens, attempts = self.tokens + earlier.tokens, self.attempts + earlier.attempts
        return ChainAnswer(self.parsed, self.text, self.written, tokens, self.finish_reason, attempts)

    def steps(self) -> dict[str, Any]:
        """The chain as a row has it."""
        parsed = {name: value for name, value in asdict(self.parsed).items() if name not in ("continuation",)}
        return {**parsed, "attempts": self.attempts}
