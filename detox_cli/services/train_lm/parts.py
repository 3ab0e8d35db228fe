"""Disjoint parts of the texts, one for each expert."""

from collections.abc import Sequence
from itertools import combinations, pairwise

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.data.splits import source_key
from detox_cli.services.train_lm.data import digest
from detox_cli.services.training.leaks import Leak, compare


class Part(BaseModel):
    """One part of the texts."""

    model_config = ConfigDict(frozen=True)

    number: int
    texts: list[str]

    @property
    def digest(self) -> str:
        """Hash of its texts in their order."""
        return digest([self.texts])


class Overlap(BaseModel):
    """What the parts have in common, looked up after they were made: nothing, or something is wrong."""

    model_config = ConfigDict(frozen=True)

    pairs: int = Field(description="Pairs of parts that were compared.")
    equal: int = Field(description="Texts that two parts have, character by character.")
    nearly_equal: int = Field(description="Further ones that differ in case, spaces or punctuation only.")
    with_held_out: int = Field(
        description="Texts that a part and the held-out side have, equal or nearly so."
    )


def cut(texts: Sequence[str], parts: int) -> list[Part]:
    """Cut texts, in the order of `data.in_order`, into parts of nearly equal size.

    Equal texts stand side by side in that order and are counted as one, so that no part ends between them.
    The part of a text depends on what it says and on the seed, not on where it was read.
    """
    groups: list[list[str]] = []
    for text in texts:
        if groups and source_key(groups[-1][-1]) == source_key(text):
            groups[-1].append(text)
        else:
            groups.append([text])
    borders = [round(number * len(groups) / parts) for number in range(parts + 1)]
    return [
        Part(number=number, texts=[text for group in groups[start:end] for text in group])
        for number, (start, end) in enumerate(pairwise(borders))
    ]


def overlap(parts: Sequence[Part], held_out: Sequence[str]) -> Overlap:
    """Compare every two parts, and each with what is held out."""
    between = [
        compare(f"part {a.number}", a.texts, f"part {b.number}", b.texts, "")
        for a, b in combinations(parts, 2)
    ]
    beside = [compare(f"part {part.number}", part.texts, "held out", held_out, "") for part in parts]
    return Overlap(
        pairs=len(between),
        equal=sum(leak.equal for leak in between),
        nearly_equal=sum(leak.nearly_equal for leak in between),
        with_held_out=sum(map(_shared, beside)),
    )


def _shared(leak: Leak) -> int:
    return leak.equal + leak.nearly_equal
