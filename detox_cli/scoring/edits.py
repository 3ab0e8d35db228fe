"""How much of a text was changed: the edit distance of Levenshtein (1966), in words and marks."""

from collections.abc import Sequence

from detox_cli.scoring.pieces import pieces


def edit_distance(before: Sequence[str], after: Sequence[str]) -> int:
    """How many pieces have to be put in, taken out or replaced to make one text of the other."""
    distances = list(range(len(after) + 1))
    for row, old in enumerate(before, start=1):
        diagonal, distances[0] = distances[0], row
        for column, new in enumerate(after, start=1):
            replaced = diagonal + (old != new)
            diagonal = distances[column]
            distances[column] = min(replaced, diagonal + 1, distances[column - 1] + 1)
    return distances[-1]


def word_edits(before: str, after: str) -> tuple[int, float]:
    """The edit distance of two texts in words and marks without case, and its share of the longer text.

    The share lies in [0, 1]; it is 0 for two texts without words.
    """
    old, new = pieces(before), pieces(after)
    distance = edit_distance(old, new)
    return distance, distance / max(len(old), len(new), 1)
