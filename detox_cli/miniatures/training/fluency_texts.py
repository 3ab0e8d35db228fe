"""Real sentences and broken ones for `builtin:fluency`."""

import random
import re
from dataclasses import dataclass
from pathlib import Path

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corruptions import CORRUPTIONS, INTENSIFIERS, Language, split_words
from detox_cli.miniatures.training.toxicity_texts import sentences

SHORTEST, LONGEST = 4, 40


@dataclass(frozen=True)
class Example:
    """A sentence in words, which of them show a break, and the corruption's name, or "real"."""

    words: list[str]
    wrong: list[bool]
    kind: str


def all_sentences(data: Path, seed: int) -> dict[str, list[str]]:
    """Real sentences by source, both sides of the split, each cut from a longer text where need be."""
    comments = [piece for item in corpora.comments(data) for piece in sentences(item.text)]
    prose = [piece for text in corpora.sample(corpora.prose(data), 60_000, seed) for piece in sentences(text)]
    pairs = corpora.paradetox(data)
    return {
        "rewrites": [pair.neutrals[0] for pair in pairs],
        "single comment sentences": [item.text for item in corpora.jigsaw_sentences(data)],
        "sentences of comments": corpora.sample(comments, 90_000, seed),
        "prose": corpora.sample(prose, 110_000, seed),
    }


def training_sentences(data: Path, seed: int) -> list[list[str]]:
    """Words of the sentences that may be trained on; a rewrite of a held-out sentence may not."""
    measured = {
        pair.neutrals[0] for pair in corpora.held_out_side(corpora.paradetox(data), lambda p: p.toxic)
    }
    texts = [text for source in all_sentences(data, seed).values() for text in source]
    texts = [text for text in corpora.training_side(texts, lambda t: t) if text not in measured]
    return [words for text in dict.fromkeys(texts) if usable(words := split_words(text))]


def usable(words: list[str]) -> bool:
    """Whether a sentence is of a common length and mostly words."""
    return SHORTEST <= len(words) <= LONGEST and sum(w.isalpha() for w in words) >= 0.6 * len(words)


def examples(sentences_in_words: list[list[str]], language: Language, rng: random.Random) -> list[Example]:
    """Each sentence as it is, and one broken version; an intensifier left out breaks nothing."""
    made = []
    for words in sentences_in_words:
        words = informal(words, rng)
        made.append(Example(words, [False] * len(words), "real"))
        milder = [word for word in words if word.lower() not in INTENSIFIERS]
        if len(milder) < len(words) and len(milder) >= SHORTEST:
            made.append(Example(milder, [False] * len(milder), "real"))
        for kind in random_kinds(rng):
            broken = CORRUPTIONS[kind](words, rng, language)
            if broken is not None and broken[0] != words:
                made.append(Example(*broken, kind))
                break
    return made


def random_kinds(rng: random.Random) -> list[str]:
    """All corruptions in random order; holes come first more often, as few sentences can have one."""
    kinds = rng.sample(list(CORRUPTIONS), len(CORRUPTIONS))
    return ["rude words deleted", *kinds] if rng.random() < 0.4 else kinds


def informal(words: list[str], rng: random.Random) -> list[str]:
    """The same words, often without the last full stop, apostrophes or commas, as people write comments."""
    if words[-1] == "." and rng.random() < 0.5:
        words = words[:-1]
    if rng.random() < 0.15:
        words = [re.sub("['’]", "", word) for word in words if word != ","]
    return words
