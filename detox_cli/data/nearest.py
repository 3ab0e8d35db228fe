"""Nearest neighbours among texts by TF-IDF over pieces of words: no model, the same on every machine."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
SIZES = (3, 4)
"""Lengths of the pieces, in characters. Words shorter than that are a piece as a whole."""


@dataclass(frozen=True)
class Neighbours:
    """An index over texts: cosine of TF-IDF vectors, whose terms are words and the pieces inside words.

    Rare terms weigh most (Spärck Jones 1972), and in offensive text those are the offensive words, in
    whatever spelling: so a neighbour is an example of how just these words are replaced.
    """

    count: int
    rows: dict[str, NDArray[np.intp]]
    weights: dict[str, NDArray[np.float64]]
    idf: dict[str, float]

    def nearest(self, text: str, k: int) -> list[int]:
        """Positions of the ``k`` most similar texts, most similar first; of equal ones the earlier first."""
        similarity = np.zeros(self.count)
        for term, weight in _vector(text, self.idf).items():
            similarity[self.rows[term]] += weight * self.weights[term]
        order = np.lexsort((np.arange(self.count), -similarity))
        return [int(position) for position in order[:k]]


def neighbours(texts: Sequence[str]) -> Neighbours:
    """Index ``texts``."""
    frequency = Counter(term for text in texts for term in set(terms(text)))
    idf = {term: float(np.log((1 + len(texts)) / (1 + n)) + 1) for term, n in frequency.items()}
    rows: dict[str, list[int]] = {term: [] for term in idf}
    weights: dict[str, list[float]] = {term: [] for term in idf}
    for position, text in enumerate(texts):
        for term, weight in _vector(text, idf).items():
            rows[term].append(position)
            weights[term].append(weight)
    return Neighbours(
        len(texts),
        {term: np.asarray(found, dtype=np.intp) for term, found in rows.items()},
        {term: np.asarray(found, dtype=np.float64) for term, found in weights.items()},
        idf,
    )


def terms(text: str) -> list[str]:
    """Words of a text in lower case, and their pieces; a mark shows where a word begins and ends."""
    words = [f"^{word}$" for word in _WORD.findall(text.casefold())]
    pieces = [word[i : i + n] for word in words for n in SIZES for i in range(len(word) - n + 1)]
    return words + pieces


def _vector(text: str, idf: dict[str, float]) -> dict[str, float]:
    """The unit vector of a text over the known terms; empty if it has none."""
    counts = Counter(term for term in terms(text) if term in idf)
    weights = {term: (1 + float(np.log(count))) * idf[term] for term, count in counts.items()}
    length = float(np.sqrt(sum(weight**2 for weight in weights.values())))
    return {term: weight / length for term, weight in weights.items()}
