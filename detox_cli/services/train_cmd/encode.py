"""From written chains to rows of token ids, with what is left out and what is cut counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from detox_cli.data.chains.encode import ChainEncoder, EncodedChain
from detox_cli.services.train_cmd.batches import ChainRow, Ids, Text
from detox_cli.services.train_cmd.data import Lesson

TOO_LONG = "longer than --max-length"
NEGATIVE_TOO_LONG = "negative answers longer than --max-length"
EQUAL = "negative answers equal to the positive one"


@dataclass
class Encoded:
    """Rows of token ids.

    Attributes:
        rows: Those that fit.
        dropped: How many chains are not there, by reason.
        cut: How many negative answers are not there, and how many prompts were cut.
    """

    rows: list[ChainRow] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)


def encode(lessons: Sequence[Lesson], encoder: ChainEncoder) -> Encoded:
    """Token ids of lessons, in their order.

    Raises:
        BadData: A chain is too long, and that is to be an error.
    """
    whole = [chain for lesson in lessons for chain in lesson.chains]
    kept, _ = encoder.encode(whole)
    by_id = {one.id: one for one in kept}
    found = Encoded()
    for lesson in lessons:
        first, *others = (by_id.get(chain.id) for chain in lesson.chains)
        if first is None:
            found.dropped[TOO_LONG] += 1
            continue
        found.rows.append(_row(first, others, _tail(lesson, encoder.reader.tokenizer), encoder, found.cut))
    return found


def _row(
    first: EncodedChain,
    others: Sequence[EncodedChain | None],
    tail: Ids,
    encoder: ChainEncoder,
    cut: Counter[str],
) -> ChainRow:
    apart = encoder.reader.encoder_decoder
    positive = _text(first, tail, apart)
    negatives = []
    for other in others:
        # A chain that was cut on its own no longer has the same prompt.
        if other is None or other.input_ids[: other.prompt_length] != first.input_ids[: first.prompt_length]:
            cut[NEGATIVE_TOO_LONG] += 1
            continue
        text = _text(other, tail, apart)
        if text.ids == positive.ids:
            cut[EQUAL] += 1
        else:
            negatives.append(text)
    source = list(first.input_ids) if apart else None
    return ChainRow(positive, 0 if apart else first.prompt_length, tuple(negatives), source)


def _text(chain: EncodedChain, tail: Ids, apart: bool) -> Text:
    """The row with the borders of its answer; what ends it is left out as far as it has tokens of its own."""
    ids = list(chain.labels if apart else chain.input_ids)
    end = len(ids) - 1
    if tail and ids[end - len(tail) : end] == tail:
        end -= len(tail)
    return Text(ids, chain.answer_start, max(end, chain.answer_start + 1))


def _tail(lesson: Lesson, tokenizer: Any) -> Ids:
    return list(tokenizer(lesson.tail, add_special_tokens=False)["input_ids"]) if lesson.tail else []
