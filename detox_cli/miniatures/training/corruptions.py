"""Ways to break a sentence, each telling which of its words show the break.

A corruption maps the words of a sentence to other words with a flag per word, or to None where it cannot
apply. Punctuation marks are words of their own.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Flagged = tuple[list[str], list[bool]]

FUNCTION_WORD_LIST = """
a an the of to in on at for with from by as is are was were be been am do does did have has had will would can
could should not and or but if that this these those it its he she they we you i his her their my your our
"""
INTENSIFIER_LIST = "fucking fuckin damn damned goddamn goddamned bloody freaking frickin fricking"
CONFUSED_LIST = """
is:are are:is was:were were:was has:have have:has do:does does:do did:done went:gone be:is a:an an:a he:him
him:he she:her they:them them:they i:me we:us my:me their:they this:these these:this much:many many:much to:of
in:of of:at for:of
"""
FUNCTION_WORDS = frozenset(FUNCTION_WORD_LIST.split())
INTENSIFIERS = frozenset(INTENSIFIER_LIST.split())
CONFUSED = dict(pair.split(":") for pair in CONFUSED_LIST.split())


def split_words(text: str) -> list[str]:
    """Words and punctuation marks of a text."""
    return re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", text)


@dataclass
class Language:
    """What corruptions draw from: frequent words, which word follows which two, and rude words."""

    words: list[str] = field(default_factory=list)
    after_one: dict[str, list[str]] = field(default_factory=dict)
    after_two: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    rude: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, sentences: Sequence[Sequence[str]], rude: set[str]) -> "Language":
        """Counted from tokenised sentences."""
        language = cls(rude=rude)
        for sentence in sentences:
            padded = ["", "", *sentence]
            for first, second, third in zip(padded, padded[1:], padded[2:], strict=False):
                language.after_one.setdefault(second, []).append(third)
                language.after_two.setdefault((first, second), []).append(third)
                if third.isalpha():
                    language.words.append(third)
        return language


Corruption = Callable[[list[str], random.Random, Language], Flagged | None]


def _at(length: int, *wrong: int) -> list[bool]:
    return [i in wrong for i in range(length)]


def _positions(words: list[str], kept: Callable[[str], bool] = str.isalpha) -> list[int]:
    return [i for i, word in enumerate(words) if kept(word)]


def drop_word(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Leave out a word that is not the last."""
    places = _positions(words[:-2])
    return _without(words, rng.choice(places)) if places else None


def drop_function_word(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Leave out one or two function words."""
    places = _positions(words[:-1], lambda word: word.lower() in FUNCTION_WORDS)
    if not places:
        return None
    chosen = sorted(rng.sample(places, min(len(places), rng.choice((1, 1, 2)))), reverse=True)
    result, flags = list(words), [False] * len(words)
    for place in chosen:
        del result[place], flags[place]
        flags[place] = True
    return result, flags


def _without(words: list[str], place: int) -> Flagged:
    result = words[:place] + words[place + 1 :]
    return result, _at(len(result), max(0, place - 1), place)


def swap_words(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Exchange two neighbours."""
    places = [
        i
        for i in _positions(words[:-1])
        if words[i + 1].isalpha() and words[i + 1].lower() != words[i].lower()
    ]
    if not places:
        return None
    i = rng.choice(places)
    return [*words[:i], words[i + 1], words[i], *words[i + 2 :]], _at(len(words), i, i + 1)


def shuffle_words(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Put four words in a row, or all, into random order."""
    size = len(words) if rng.random() < 0.4 else 4
    if len(words) < 5:
        return None
    begin = rng.randrange(len(words) - size + 1)
    window = words[begin : begin + size]
    mixed = rng.sample(window, size)
    result = words[:begin] + mixed + words[begin + size :]
    return (result, [a != b for a, b in zip(result, words, strict=True)]) if mixed != window else None


def double_word(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Say a word twice."""
    places = _positions(words)
    if not places:
        return None
    i = rng.choice(places)
    return words[: i + 1] + words[i:], _at(len(words) + 1, i + 1)


def repeat_phrase(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Say two to five words again, once or in a loop to the end."""
    if len(words) < 5:
        return None
    size = rng.randint(2, min(5, len(words) - 1))
    begin = rng.randrange(len(words) - size + 1)
    phrase = words[begin : begin + size] * rng.choice((1, 1, 2, 3))
    result = words[: begin + size] + phrase + words[begin + size :]
    return result, [begin + size <= i < begin + size + len(phrase) for i in range(len(result))]


def wrong_form(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Give a word a wrong ending, or a frequent verb, pronoun or article its wrong form."""
    places = _positions(words, lambda word: word.lower() in CONFUSED or (word.isalpha() and len(word) > 4))
    if not places:
        return None
    i = rng.choice(places)
    return [*words[:i], inflected(words[i], rng), *words[i + 1 :]], _at(len(words), i)


def inflected(word: str, rng: random.Random) -> str:
    """A wrong form of a word."""
    if word.lower() in CONFUSED:
        return CONFUSED[word.lower()]
    for ending in ("ing", "ed", "s", "ly"):
        if word.lower().endswith(ending):
            return word[: -len(ending)] + rng.choice([e for e in ("ing", "ed", "", "ly") if e != ending])
    return word + rng.choice(("ing", "ed", "s", "ly"))


def cut_off(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Stop in the middle, mostly after a function word."""
    ends = _positions(words[:-2], lambda word: word.lower() in FUNCTION_WORDS)
    ends = [end for end in ends if end >= 2]
    if not ends or rng.random() < 0.2:
        ends = list(range(2, len(words) - 3))
    if not ends:
        return None
    kept = words[: rng.choice(ends) + 1]
    if not words[-1].isalpha() and rng.random() < 0.5:
        return [*kept, words[-1]], _at(len(kept) + 1, len(kept) - 1, len(kept))
    return kept, _at(len(kept), len(kept) - 1)


def insert_word(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Put in a word that does not belong."""
    i = rng.randrange(len(words) + 1)
    return [*words[:i], rng.choice(language.words), *words[i:]], _at(len(words) + 1, i)


def replace_word(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Put random words, or words that may follow the one before, in the place of one to three others."""
    places = _positions(words)
    if len(places) < 3:
        return None
    result, flags = list(words), [False] * len(words)
    for i in rng.sample(places, rng.choice((1, 2, 3))):
        before = words[i - 1] if i else ""
        pool = language.after_one.get(before, language.words) if rng.random() < 0.3 else language.words
        result[i], flags[i] = rng.choice(pool), True
    return result, flags


def leave_hole(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Delete every rude word, as the simplest rewriter does, where that takes more than an intensifier."""
    rude = [word.lower() in language.rude for word in words]
    if sum(r and w.lower() not in INTENSIFIERS for r, w in zip(rude, words, strict=True)) == 0:
        return None
    kept = [i for i, gone in enumerate(rude) if not gone]
    if len(kept) < 3:
        return None
    flags = [(i > 0 and rude[i - 1]) or (i + 1 < len(words) and rude[i + 1]) for i in kept]
    return [words[i] for i in kept], flags


def salad(words: list[str], rng: random.Random, language: Language) -> Flagged | None:
    """Words that follow each other by chance, with no, one or two words of memory, about as many."""
    order = rng.choice((0, 1, 1, 2))
    result, context = [], ("", "")
    for _ in range(max(6, len(words))):
        choices = language.after_two.get(context) if order == 2 else language.after_one.get(context[1])
        word = rng.choice(choices if choices and order else language.words)
        result.append(word)
        context = (context[1], word)
    return result, [True] * len(result)


CORRUPTIONS: dict[str, Corruption] = {
    "word dropped": drop_word,
    "function word dropped": drop_function_word,
    "neighbours swapped": swap_words,
    "words shuffled": shuffle_words,
    "word doubled": double_word,
    "phrase repeated": repeat_phrase,
    "wrong form": wrong_form,
    "cut off": cut_off,
    "word inserted": insert_word,
    "words replaced": replace_word,
    "rude words deleted": leave_hole,
    "word salad": salad,
}
