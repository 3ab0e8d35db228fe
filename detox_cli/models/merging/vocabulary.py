"""Models with different vocabularies: the rows of embedding and head are brought together by token."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData
from detox_cli.models.merging.block import Numbers
from detox_cli.models.merging.sources import Shape, Weights

Ids = NDArray[np.int64]
Tokens = Mapping[str, int]
FILE = "tokenizer.json"
LACKING = -1


@dataclass(frozen=True)
class Aligned:
    """The vocabulary of a merged model.

    Attributes:
        ids: For every model, which of its rows belongs to each row of the result; -1 for none.
        added: Tokens that the reference lacks, in the order of their new ids, which follow its own.
    """

    ids: tuple[Ids, ...]
    added: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Rows of the result."""
        return len(self.ids[0])


def read_tokens(folder: Path) -> Tokens:
    """The id of every token of a model.

    Raises:
        BadData: There is no ``tokenizer.json``, or it cannot be read.
    """
    path = folder / FILE
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        listed = content["model"]["vocab"]
        found = dict(listed) if isinstance(listed, dict) else {item[0]: i for i, item in enumerate(listed)}
        return found | {str(token["content"]): int(token["id"]) for token in content["added_tokens"]}
    except FileNotFoundError as error:
        hint = "save the tokenizer with transformers, which writes it"
        raise BadData("is missing: tokens cannot be compared", where=str(path), hint=hint) from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BadData(
            "cannot be read as a tokenizer", where=str(path), hint="fetch or copy the whole folder again"
        ) from error


def align(tokens: Sequence[Tokens], rows: Sequence[int], source: int | None) -> Aligned:
    """Say which rows belong together.

    Args:
        tokens: Of every model, the reference first.
        rows: How many rows the embedding of each has; some are more than there are tokens.
        source: The model whose vocabulary the result has, with its ids; ``None`` for that of all, in which
            the ids of the reference stay and tokens that it lacks follow, model by model.
    """
    first = 0 if source is None else source
    names = {number: token for token, number in tokens[first].items()}
    end = max(names, default=-1) + 1
    added: tuple[str, ...] = ()
    if source is None:
        later = [sorted(own.items(), key=lambda item: item[1]) for own in tokens[1:]]
        added = tuple(dict.fromkeys(t for own in later for t, _ in own if t not in tokens[0]))
        names |= dict(enumerate(added, start=end))
    size = max(rows[first], end + len(added))
    own_rows = np.arange(size, dtype=np.int64)
    own_rows[(own_rows >= rows[first]) | ((own_rows >= end) & (own_rows < end + len(added)))] = LACKING
    ids = [_ids_of(own, names, size, rows[i]) if i != first else own_rows for i, own in enumerate(tokens)]
    return Aligned(tuple(ids), added)


def _ids_of(tokens: Tokens, names: Mapping[int, str], size: int, rows: int) -> Ids:
    found = np.full(size, LACKING, dtype=np.int64)
    for number, token in names.items():
        row = tokens.get(token, LACKING)
        if row < rows:
            found[number] = row
    return found


class TokenRows:
    """The weights of a model with its tables in the rows of a shared vocabulary.

    A token that the model lacks has the row of the base; if the base lacks it too, the mean of all models
    that have it.

    Args:
        number: Which of ``everyone`` this is.
        everyone: All models with their tables, the reference first.
        aligned: Which rows belong together.
        tables: The tensors that have a row for every token.
        base: Whether the reference is a base.
    """

    def __init__(
        self, number: int, everyone: Sequence[Weights], aligned: Aligned, tables: Sequence[str], base: bool
    ) -> None:
        own = everyone[number]
        self.name, self.types = own.name, own.types
        changed: dict[str, Shape] = {name: (aligned.size, *own.shapes[name][1:]) for name in tables}
        self.shapes = {**own.shapes, **changed}
        self._own, self._number, self._everyone = own, number, everyone
        self._aligned, self._tables, self._base = aligned, frozenset(tables), base

    def rows(self, tensor: str, first: int, last: int) -> Numbers:
        """As ``Weights`` says."""
        if tensor not in self._tables:
            return self._own.rows(tensor, first, last)
        ids = [own[first:last] for own in self._aligned.ids]
        numbers, there = _gather(self._own, tensor, ids[self._number])
        left = ~there
        if self._base and left.any():
            _fill(numbers, left, self._everyone[:1], ids[:1], tensor)
        if left.any():
            _fill(numbers, left, self._everyone, ids, tensor)
        return numbers


def _fill(
    numbers: Numbers, left: NDArray[np.bool_], models: Sequence[Weights], ids: Sequence[Ids], tensor: str
) -> None:
    """Give the rows ``left`` the mean of the models that have them, and take these off ``left``."""
    total, count = np.zeros_like(numbers), np.zeros(len(numbers), dtype=np.float32)
    for model, own in zip(models, ids, strict=True):
        found, there = _gather(model, tensor, np.where(left, own, LACKING))
        total += found
        count += there
    chosen = left & (count > 0)
    numbers[chosen] = total[chosen] / count[chosen, None]
    left &= ~chosen


def _gather(weights: Weights, tensor: str, ids: Ids) -> tuple[Numbers, NDArray[np.bool_]]:
    """Rows by number, zeros for those that are lacking; what lies together is read together."""
    numbers = np.zeros((len(ids), weights.shapes[tensor][1]), dtype=np.float32)
    there = ids >= 0
    places = np.flatnonzero(there)
    if len(places):
        breaks = np.flatnonzero((np.diff(ids[places]) != 1) | (np.diff(places) != 1)) + 1
        for run in np.split(places, breaks):
            start = int(ids[run[0]])
            numbers[run[0] : run[-1] + 1] = weights.rows(tensor, start, start + len(run))
    return numbers, there
