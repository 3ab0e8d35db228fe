"""How well predicted spans agree with what people marked: the character F1 of SemEval-2021 task 5.

Of each post the sets of predicted and marked characters are compared, and the mean over posts is reported
(Pavlopoulos et al., "SemEval-2021 Task 5: Toxic Spans Detection", after Da San Martino et al. 2019). A post
in which nobody marked anything counts 1 if nothing is predicted, else 0; in F1, precision and recall alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from detox_cli.scoring.spans.span import Span, characters
from detox_cli.statistics.bootstrap import Estimate, mean_interval


@dataclass(frozen=True)
class Overlap:
    """How many characters of a post are predicted, marked, and both."""

    predicted: int
    marked: int
    both: int

    @property
    def f1(self) -> float:
        """2 both / (predicted + marked)."""
        if not self.marked:
            return float(not self.predicted)
        return 2 * self.both / (self.predicted + self.marked)

    @property
    def precision(self) -> float:
        """both / predicted; 0 where something is marked and nothing predicted."""
        if not self.marked:
            return float(not self.predicted)
        return self.both / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """both / marked."""
        return self.both / self.marked if self.marked else float(not self.predicted)


def overlap(predicted: Iterable[Span | tuple[int, int]], marked: Iterable[Span | tuple[int, int]]) -> Overlap:
    """Compare the characters of two sets of spans of one post."""
    mine, theirs = characters(predicted), characters(marked)
    return Overlap(len(mine), len(theirs), len(mine & theirs))


def agreement(overlaps: Sequence[Overlap]) -> dict[str, Estimate]:
    """The means over posts of ``f1``, ``precision`` and ``recall``, with bootstrap intervals.

    Raises:
        ValueError: There are no posts.
    """
    return {
        name: mean_interval([getattr(one, name) for one in overlaps])
        for name in ("f1", "precision", "recall")
    }
