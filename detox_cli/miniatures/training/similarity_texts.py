"""Pairs of sentences for `builtin:similarity`: the same content, or a known share of it lost."""

import math
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corruptions import FUNCTION_WORDS, split_words
from detox_cli.miniatures.training.fluency_texts import informal, training_sentences

RUDE_SHARE = 0.15
"""How much of its weight a rude word keeps: leaving it out should hardly change the content."""


@dataclass(frozen=True)
class TextPair:
    """Two texts, the cosine they should have, and a number shared by pairs about the same sentence."""

    first: str
    second: str
    target: float
    group: int


@dataclass(frozen=True)
class Weights:
    """How much content a word carries: inverse document frequency, little for function and rude words."""

    counts: Counter[str]
    documents: int
    rude: set[str]

    def of(self, word: str) -> float:
        """The weight of a word, 0 for punctuation."""
        word = word.lower()
        if not any(c.isalnum() for c in word):
            return 0.0
        weight = math.log(self.documents / (1 + self.counts[word]))
        if word in self.rude:
            return RUDE_SHARE * weight
        return 0.3 * weight if word in FUNCTION_WORDS else weight

    @classmethod
    def counted(cls, sentences: list[list[str]], rude: set[str]) -> "Weights":
        """Document frequencies of tokenised sentences."""
        counts = Counter(word for words in sentences for word in {w.lower() for w in words})
        return cls(counts, len(sentences), rude)


def rewrite_pairs(data: Path) -> list[TextPair]:
    """Training-side ParaDetox: toxic with each rewrite, and rewrites with each other."""
    pairs = []
    for rewrite in corpora.training_side(corpora.paradetox(data), lambda pair: pair.toxic):
        texts = list(dict.fromkeys((rewrite.toxic, *rewrite.neutrals)))
        pairs += [
            TextPair(a, b, 1.0, crc32(rewrite.toxic.encode()))
            for i, a in enumerate(texts)
            for b in texts[i + 1 :]
        ]
    return pairs


def graded_pairs(sentences: list[list[str]], weights: Weights, rng: random.Random) -> list[TextPair]:
    """Each sentence with a version that lost or exchanged words; the target is the share of weight left."""
    pool = [word for words in sentences for word in words if word.isalpha()]
    pairs = []
    for words in sentences:
        loss = rng.choice((0.0, 0.1, 0.2, 0.4, 0.6))
        kept, left, total = [], 0.0, 0.0
        for word in words:
            weight = weights.of(word)
            total += weight
            gone = rng.random() < (0.7 if word.lower() in weights.rude else loss)
            if not gone:
                kept.append(word)
                left += weight
            elif rng.random() < 0.4:
                other = rng.choice(pool)
                kept.append(other)
                total += weights.of(other)
        if total and len(kept) > 1:
            whole = " ".join(words)
            pairs.append(TextPair(whole, " ".join(informal(kept, rng)), left / total, crc32(whole.encode())))
    return pairs


def training_pairs(data: Path, seed: int, epochs: int) -> list[TextPair]:
    """Rewrites several times over, and every sentence once an epoch in a version of its own."""
    rng = random.Random(seed)
    sentences = training_sentences(data, seed)
    weights = Weights.counted(sentences, corpora.profanity(data))
    pairs = 3 * epochs * rewrite_pairs(data)
    for _ in range(epochs):
        pairs += graded_pairs(corpora.sample(sentences, 50_000, rng.randrange(2**30)), weights, rng)
    return pairs


def words_of(text: str) -> set[str]:
    """Lower-case words without function words, to find sentences about the same thing."""
    return {word.lower() for word in split_words(text) if word.isalpha()} - FUNCTION_WORDS
