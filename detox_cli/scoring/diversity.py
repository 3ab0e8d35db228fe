"""How much of what a model writes is different: among the continuations of a prompt, and within one.

The legacy form is that of DExperts (Liu et al., ACL 2021, ``evaluate_generations.py``), which the later
papers took
over: distinct n-grams of all continuations of a prompt over the number of their *words*, so that dist-2 and
    dist-3 of texts without any repetition stay below 1. The other form divides n-grams by n-grams, and cuts
    texts into pieces that need no spaces.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from math import exp, log

from detox_cli.scoring.pieces import pieces

Split = Callable[[str], list[str]]
ORDERS = (1, 2, 3)
BLEU_ORDER = 4
REPEATED = 4
"""Length of the sequences that count as repetition (seq-rep-4, Welleck et al. 2020)."""


def spaces(text: str) -> list[str]:
    """Words as DExperts splits them: at every single space, so that two spaces make an empty word."""
    return text.split(" ")


def legacy_distinct(texts: Sequence[str], n: int, split: Split = spaces) -> float | None:
    """Distinct n-grams of ``texts`` over their number of words, n-grams joined by ``_`` as published.

    The cross-lingual evaluation (Li et al. 2024) leaves out empty texts and splits by a tokenizer: give both.
    ``None`` where there is no word at all; the originals divide by zero there.
    """
    words = [split(text) for text in texts]
    total = sum(map(len, words))
    seen = {"_".join(some[i : i + n]) for some in words for i in range(len(some) - n + 1)}
    return len(seen) / total if total else None


def distinct(texts: Sequence[str], n: int) -> float | None:
    """Distinct n-grams of pieces over all n-grams, in (0, 1]; ``None`` where no text has n pieces."""
    grams = [gram for text in texts for gram in _grams(pieces(text), n)]
    return len(set(grams)) / len(grams) if grams else None


def self_bleu(texts: Sequence[str]) -> float | None:
    """The mean BLEU-4 of each text against all others of the same prompt (Zhu et al., SIGIR 2018).

    BLEU of pieces with clipped counts, precisions of order 1 to 4 with 1 added to matches and totals from
    order 2 on (Lin & Och 2004), since continuations are short, and the brevity penalty against the closest
    length. 1 is the same text again and again. ``None`` for fewer than two texts with a piece in them.
    """
    cut = [found for found in map(pieces, texts) if found]
    if len(cut) < 2:
        return None
    matches = [_clipped_matches(cut, n) for n in range(1, BLEU_ORDER + 1)]
    lengths = [len(words) for words in cut]
    scores = [_bleu([found[i] for found in matches], lengths, i) for i in range(len(cut))]
    return sum(scores) / len(scores)


def repetition(text: str, n: int = REPEATED) -> float | None:
    """The share of n-grams of pieces that stood in the text before; ``None`` for a text shorter than n."""
    grams = _grams(pieces(text), n)
    return 1 - len(set(grams)) / len(grams) if grams else None


def _grams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def _clipped_matches(texts: Sequence[Sequence[str]], n: int) -> list[int]:
    """Of each text, how many n-grams another text has too, each counted at most as often as there.

    For every n-gram the two highest counts are enough: the highest among the *other* texts is the highest
    of all, or the second where this text holds the first. So the work grows with the texts, not with their
    pairs.
    """
    counts = [Counter(_grams(words, n)) for words in texts]
    best: dict[tuple[str, ...], tuple[int, int]] = {}
    for found in counts:
        for gram, count in found.items():
            first, second = best.get(gram, (0, 0))
            best[gram] = (count, first) if count > first else (first, max(second, count))
    return [
        sum(min(c, best[g][0] if c < best[g][0] else best[g][1]) for g, c in found.items())
        for found in counts
    ]


def _bleu(matches: Sequence[int], lengths: Sequence[int], i: int) -> float:
    own = lengths[i]
    if not matches[0]:
        return 0.0
    total = 0.0
    for n, hits in enumerate(matches, start=1):
        added = n > 1
        total += log((hits + added) / (max(0, own - n + 1) + added)) / BLEU_ORDER
    others = (length for j, length in enumerate(lengths) if j != i)
    closest = min(others, key=lambda length: (abs(length - own), length))
    return exp(total) * (1.0 if own > closest else exp(1 - closest / own))
