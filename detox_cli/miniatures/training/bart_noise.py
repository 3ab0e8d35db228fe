"""Noise for denoising pre-training, after BART (Lewis et al., 2020, section 2.2), at word level."""

import random
from collections.abc import Callable, Sequence

MASK = "<mask>"
Noise = Callable[[list[str], random.Random, Sequence[str]], list[str]]


def infill(words: list[str], rng: random.Random, _: Sequence[str]) -> list[str]:
    """Replace one to three spans of zero to three words by one mask each (text infilling)."""
    out = list(words)
    for _round in range(rng.choice((1, 1, 2, 3))):
        start = rng.randrange(len(out) + 1)
        out[start : start + rng.choice((0, 1, 1, 2, 3))] = [MASK]
    return out


def delete(words: list[str], rng: random.Random, _: Sequence[str]) -> list[str]:
    """Drop each word with probability 0.12; at least one stays."""
    return [w for w in words if rng.random() >= 0.12] or words[:1]


def insert(words: list[str], rng: random.Random, vocabulary: Sequence[str]) -> list[str]:
    """Put random words of the corpus, one or two together, into one to three places."""
    out = list(words)
    for _round in range(rng.choice((1, 2, 3))):
        place = rng.randrange(len(out) + 1)
        out[place:place] = rng.choices(vocabulary, k=rng.choice((1, 1, 2)))
    return out


def replace(words: list[str], rng: random.Random, vocabulary: Sequence[str]) -> list[str]:
    """Replace each word with probability 0.1 by a random word of the corpus."""
    return [rng.choice(vocabulary) if rng.random() < 0.1 else w for w in words]


def swap(words: list[str], rng: random.Random, _: Sequence[str]) -> list[str]:
    """Exchange neighbours in one or two places."""
    out = list(words)
    for _round in range(rng.choice((1, 2))):
        if len(out) > 1:
            i = rng.randrange(len(out) - 1)
            out[i], out[i + 1] = out[i + 1], out[i]
    return out


KINDS: tuple[Noise, ...] = (infill, delete, insert, insert, replace, swap)


def corrupt(words: list[str], rng: random.Random, vocabulary: Sequence[str], clean_share: float) -> list[str]:
    """A noisy copy of a sentence: no noise with probability ``clean_share``, else one or two kinds."""
    if rng.random() < clean_share:
        return list(words)
    out = list(words)
    for kind in rng.sample(KINDS, rng.choice((1, 1, 2))):
        out = kind(out, rng, vocabulary)
    return out
