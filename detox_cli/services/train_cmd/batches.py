"""From encoded chains to tensors, for models without an encoder and for those with one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset

from detox_cli.scoring.losses import token_nats
from detox_cli.services.training.lengths import IGNORED, pad

Ids = list[int]
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Text:
    """A whole row that ends in an answer.

    Attributes:
        ids: Its tokens: prompt and chain, or of an encoder-decoder the chain alone.
        start: Where the answer begins in them.
        end: Where it ends, which is before what ends a chain.
    """

    ids: Ids
    start: int
    end: int

    @property
    def answer(self) -> Ids:
        """The tokens of the answer alone."""
        return self.ids[self.start : self.end]

    @property
    def before(self) -> Ids:
        """The tokens of everything before the answer."""
        return self.ids[: self.start]


@dataclass(frozen=True)
class ChainRow:
    """A chain to learn, and the answers that it should not end in.

    Attributes:
        positive: The chain with the answer to learn.
        learnt: The first of its tokens that is learnt; those before it are the prompt.
        negatives: The same chain with other answers.
        source: What an encoder reads; empty for a model without one.
        reference: By how many nats the start of the training finds the positive answer likelier than each
            of the others; empty where nobody asked.
    """

    positive: Text
    learnt: int
    negatives: tuple[Text, ...] = ()
    source: Ids | None = None
    reference: tuple[float, ...] = ()

    @property
    def length(self) -> int:
        """Tokens of source and chain."""
        return len(self.source or ()) + len(self.positive.ids)


class ChainRows(Dataset[ChainRow]):
    """Rows as a trainer wants them."""

    def __init__(self, rows: Sequence[ChainRow]) -> None:
        self.rows = list(rows)

    def __len__(self) -> int:
        """How many."""
        return len(self.rows)

    def __getitem__(self, index: int) -> ChainRow:
        """One of them."""
        return self.rows[index]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each."""
        return [row.length for row in self.rows]


@dataclass(frozen=True)
class Layout:
    """What a model reads where, and at which position it says or knows what.

    Attributes:
        pad: The token to fill rows with.
        decoder_start: The token that a decoder begins with; ``None`` for a model without an encoder.
    """

    pad: int
    decoder_start: int | None = None

    def inputs(
        self, texts: Sequence[Ids], sources: Sequence[Ids | None], width: int | None = None
    ) -> Tensors:
        """What a model is called with to read these rows, filled on the right to ``width`` or the longest."""
        if self.decoder_start is None:
            return {"input_ids": pad(texts, self.pad, width), "attention_mask": mask_of(texts, width)}
        shifted = [[self.decoder_start, *ids[:-1]] for ids in texts]
        read = [source or [] for source in sources]
        return {
            "input_ids": pad(read, self.pad),
            "attention_mask": mask_of(read),
            "decoder_input_ids": pad(shifted, self.pad, width),
        }

    def nats(self, logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """-ln p of every label and which of them count, [rows, positions] both.

        Args:
            logits: Of a model that has read the rows, [rows, tokens, words].
            labels: [rows, tokens], each at the place of its own token.
        """
        if self.decoder_start is None:
            logits, labels = logits[:, :-1], labels[:, 1:]
        counted = labels != IGNORED
        return token_nats(logits, labels.clamp(min=0)) * counted, counted

    def states(self, outputs: Any) -> torch.Tensor:
        """The last state after each token has been read, at the place of that token: [rows, tokens, width].

        A decoder reads one token behind: of the last token of a row there is no state, it is zero.
        """
        if self.decoder_start is None:
            found: torch.Tensor = outputs.hidden_states[-1]
            return found
        return torch.nn.functional.pad(outputs.decoder_hidden_states[-1][:, 1:], (0, 0, 0, 1))


def mask_of(texts: Sequence[Ids], width: int | None = None) -> torch.Tensor:
    """1 where a row has a token, [rows, ``width`` or the longest]."""
    return pad([[1] * len(ids) for ids in texts], 0, width)


def answers_of(texts: Sequence[Text], width: int) -> torch.Tensor:
    """1 at the tokens of the answers, [rows, width]."""
    return pad([[0] * text.start + [1] * (text.end - text.start) for text in texts], 0, width)


def labels_of(rows: Sequence[ChainRow]) -> torch.Tensor:
    """The tokens of the chains; what is not learnt is ignored."""
    texts = [[*[IGNORED] * row.learnt, *row.positive.ids[row.learnt :]] for row in rows]
    return pad(texts, IGNORED)


def pairs_of(rows: Sequence[ChainRow], layout: Layout, most: int | None = None) -> dict[str, Any]:
    """The same chains with their negative answers, one row each; empty if no row has one.

    Args:
        rows: The rows of a batch.
        layout: Of the model.
        most: Negatives of a row at most.

    Returns:
        ``inputs`` and ``labels`` of the negatives, which are labelled at their answers alone, ``owners``:
        the place of each one's row in the batch, ``reference``: its gap, and ``answers``: 1 at the answers
        of the rows themselves.
    """
    owned = [
        (place, text, row.reference[number] if row.reference else 0.0)
        for place, row in enumerate(rows)
        for number, text in enumerate(row.negatives[:most])
    ]
    if not owned:
        return {}
    texts = [text for _, text, _ in owned]
    width = max(len(text.ids) for text in texts)
    ids = pad([text.ids for text in texts], IGNORED)
    return {
        "inputs": layout.inputs([text.ids for text in texts], [rows[place].source for place, _, _ in owned]),
        "labels": torch.where(answers_of(texts, width) == 1, ids, IGNORED),
        "owners": torch.tensor([place for place, _, _ in owned]),
        "reference": torch.tensor([gap for _, _, gap in owned], dtype=torch.float32),
        "answers": answers_of([row.positive for row in rows], max(len(row.positive.ids) for row in rows)),
    }
