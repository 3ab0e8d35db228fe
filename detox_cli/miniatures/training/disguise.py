"""Spellings that slip rude words past a filter, to train a classifier that sees through them."""

import random
import re

LOOKALIKES = {"a": "@4", "e": "3", "i": "1!|", "o": "0", "s": "$5", "u": "v*", "t": "7+", "l": "1"}


def disguise(text: str, rude: set[str], rng: random.Random) -> str:
    """``text`` with each rude word spelled in one of the usual disguises; unchanged if it holds none."""

    def respell(match: re.Match[str]) -> str:
        word = match.group()
        return disguised_word(word, rng) if word.lower() in rude else word

    return re.sub(r"[A-Za-z]{4,}", respell, text)


def disguised_word(word: str, rng: random.Random) -> str:
    """Stars, look-alike digits, spaced or doubled letters, or a dropped vowel."""
    kind = rng.randrange(6)
    inner = rng.randrange(1, len(word) - 1)
    if kind == 0:
        return word[0] + rng.choice("*#-_") * (len(word) - 2) + word[-1]
    if kind == 1:
        return word[:inner] + rng.choice("*#@$") + word[inner + 1 :]
    if kind == 2:
        return rng.choice(" .-").join(word)
    if kind == 3:
        return word[:inner] + word[inner] * rng.randint(2, 4) + word[inner + 1 :]
    if kind == 4:
        return "".join(rng.choice(LOOKALIKES.get(c, c)) if rng.random() < 0.6 else c for c in word)
    return re.sub(r"(?<=\w)[aeiou](?=\w)", "", word, count=1)
