"""From preferences to token ids, as TRL takes them: cut where they are too long, and all of it counted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from detox_cli.data.preferences.preference import Preference
from detox_cli.errors import BadData, BadSettings

Ids = list[int]
NO_ROOM = "prompt fills --max-length"
NO_PROMPT = "prompt is no token of its own"


@dataclass(frozen=True)
class Limits:
    """How long texts may be, in tokens, and what stands at their ends.

    Attributes:
        max_length: Prompt with continuation.
        max_prompt: Last tokens of a prompt that are kept.
        ratio: Of the longer continuation to the shorter one.
        append_eos: Whether continuations that were not cut end in the token that ends a text.
        add_bos: Whether prompts begin with the token that begins a text; ``None`` is as the tokenizer does.
    """

    max_length: int
    max_prompt: int | None = None
    ratio: float | None = None
    append_eos: bool = True
    add_bos: bool | None = None


@dataclass
class Encoded:
    """Token ids of preferences, one list for each of the three texts.

    Attributes:
        prompts: Of the prompts.
        chosen: Of the preferred continuations.
        rejected: Of the others.
        kept: The numbers of the preferences that these are.
        dropped: How many are not there, by reason.
        cut: How many texts were cut, by what.
    """

    prompts: list[Ids] = field(default_factory=list)
    chosen: list[Ids] = field(default_factory=list)
    rejected: list[Ids] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        """How many preferences."""
        return len(self.prompts)

    @property
    def lengths(self) -> list[int]:
        """Tokens of prompt and longer continuation: what a row takes up in a batch."""
        triples = zip(self.prompts, self.chosen, self.rejected, strict=True)
        return [len(p) + max(len(c), len(r)) for p, c, r in triples]

    @property
    def columns(self) -> dict[str, list[Ids]]:
        """By the names that TRL's collator reads."""
        return {"prompt_ids": self.prompts, "chosen_ids": self.chosen, "rejected_ids": self.rejected}


def encode(rows: Sequence[Preference], tokenizer: Any, limits: Limits) -> Encoded:
    """Tokenize and cut.

    A continuation begins where the ids of the prompt and those of prompt and continuation part, as in TRL:
    tokens that reach over the border belong to the continuation.

    Raises:
        BadSettings: Conversations, and the tokenizer has no chat template.
    """
    found = Encoded()
    for number, (prompt, chosen, rejected) in enumerate(_tokens(rows, tokenizer)):
        border = min(_shared(prompt, chosen), _shared(prompt, rejected))
        ends = limits.append_eos and not rows[number].conversational
        whole = [
            _ended(text[border:], tokenizer.eos_token_id if ends else None) for text in (chosen, rejected)
        ]
        start = _prompt(prompt[:border], tokenizer.bos_token_id, limits, found.cut)
        room = limits.max_length - len(start)
        if not start or room <= 0:
            found.dropped[NO_ROOM if start else NO_PROMPT] += 1
            continue
        longest = ceil(limits.ratio * min(map(len, whole))) if limits.ratio else room
        found.cut["continuation cut to match lengths"] += any(len(ids) > longest for ids in whole)
        found.cut["continuation cut to --max-length"] += any(min(len(ids), longest) > room for ids in whole)
        first, second = (ids[: min(longest, room)] for ids in whole)
        if first == second:
            found.dropped["continuations are equal after the cut"] += 1
            continue
        found.prompts.append(start)
        found.chosen.append(first)
        found.rejected.append(second)
        found.kept.append(number)
    return found


def _prompt(ids: Ids, bos: int | None, limits: Limits, cut: Counter[str]) -> Ids:
    begins = bool(ids) and ids[0] == bos
    body = ids[1:] if begins else ids
    if limits.max_prompt is not None and len(body) > limits.max_prompt:
        cut["prompt cut to --max-prompt-tokens"] += 1
        body = body[-limits.max_prompt :]
    with_bos = begins if limits.add_bos is None else limits.add_bos
    if with_bos and bos is None:
        raise BadSettings(
            "the tokenizer has no token that begins a text", where="--add-bos", hint="leave it out"
        )
    return [bos, *body] if with_bos and bos is not None else body


def _ended(ids: Ids, eos: int | None) -> Ids:
    return ids if eos is None or ids[-1:] == [eos] else [*ids, eos]


def _shared(ids: Ids, others: Ids) -> int:
    """How many first tokens two rows have in common."""
    pairs = enumerate(zip(ids, others, strict=False))
    return next((n for n, (one, other) in pairs if one != other), min(len(ids), len(others)))


def _tokens(rows: Sequence[Preference], tokenizer: Any) -> list[tuple[Ids, Ids, Ids]]:
    """Ids of the prompt, of prompt and chosen, and of prompt and rejected."""
    found: dict[int, tuple[Ids, Ids, Ids]] = {}
    for conversational, read in ((False, _read_texts), (True, _read_conversations)):
        numbers = [n for n, row in enumerate(rows) if row.conversational is conversational]
        if numbers:
            columns = read([rows[n] for n in numbers], tokenizer)
            found |= dict(zip(numbers, zip(*columns, strict=True), strict=True))
    return [found[number] for number in range(len(rows))]


def _read_texts(rows: Sequence[Preference], tokenizer: Any) -> list[list[Ids]]:
    parts: tuple[Callable[[Preference], str], ...] = (
        lambda row: str(row.prompt),
        lambda row: f"{row.prompt}{row.chosen}",
        lambda row: f"{row.prompt}{row.rejected}",
    )
    return [tokenizer([part(row) for row in rows], verbose=False)["input_ids"] for part in parts]


def _read_conversations(rows: Sequence[Preference], tokenizer: Any) -> list[list[Ids]]:
    if not tokenizer.chat_template:
        hint = "name an instruction-tuned model, or give plain texts"
        raise BadSettings("the rows are conversations, and the model has no chat template", hint=hint)

    def render(messages: Sequence[Mapping[str, str]], **more: Any) -> Ids:
        ids: Ids = tokenizer.apply_chat_template(
            [dict(one) for one in messages], tokenize=True, return_dict=True, **more
        )["input_ids"]
        return ids

    try:
        return [
            [render(row.prompt, add_generation_prompt=True) for row in rows],  # type: ignore[arg-type]
            [render((*row.prompt, *row.chosen)) for row in rows],
            [render((*row.prompt, *row.rejected)) for row in rows],
        ]
    except Exception as error:  # templates raise what they like
        reason = " ".join(str(error).split())[:200]
        raise BadData(
            f"the chat template refuses a conversation: {reason}",
            where=rows[0].where,
            hint="correct the conversation, or the template of the model",
        ) from error
