"""Telling a refusal from a rewrite that merely begins like one.

A prefix list alone is not enough: of the published outputs that start with "I can't", "I understand" and the
like, four in five are faithful rewrites of a source that says the same. So a refusal here is a sentence about
the *task* ("I cannot write content that …", "Can I help you with anything else?") that the source does not
contain itself.
"""

import re
from collections.abc import Callable

from detox_cli.scoring.instruction_refusals import declines

RefusalRule = Callable[[str, str], bool]
"""Whether an output declines to rewrite a source, both plain text."""

PUBLISHED_PREFIXES = (
    "i cannot",
    "i can't",
    "i can not",
    "i understand",
    "i strongly",
    "i apologize",
    "i condemn",
    "i'm deeply",
)
"""The rule of PseudoParaDetox (Moskovskiy et al., EMNLP Findings 2024)."""

_APOSTROPHE = re.compile(r"\s*[’`´']\s*")
_WORD = re.compile(r"[^\W\d_][\w']+")

_UNABLE = (
    r"(?:can ?not|can't|could not|couldn't|won't|will not|am unable to|'m unable to|am not able to"
    r"|'m not able to|refuse to|must decline to|have to decline to|would rather not|'d rather not"
    r"|am not comfortable(?: with)?|'m not comfortable(?: with)?|am not going to|'m not going to)"
)
_TASK = (
    r"(?:help|assist|generat\w+|creat\w+|writ\w+|rewrit\w+|rephras\w+|paraphras\w+|provid\w+|fulfil\w*|comply\w*"
    r"|respond\w*|produc\w+|answer\w*|engag\w+|translat\w+|continu\w+|complet\w+|repeat\w*|process\w*|support"
    r"|discuss\w*|do (?:that|this)|change (?:that|this)|work (?:on|with) (?:that|this)|offer|share|say that)"
)
_ABOUT_THE_TASK = (
    re.compile(rf"\bi(?: really| simply| just| also)? ?{_UNABLE} (?:\w+ ){{0,1}}{_TASK}\b"),
    re.compile(r"\b(?:can|may|could) i (?:help|assist) you with (?:any|some)thing else\b"),
    re.compile(r"\b(?:is there )?(?:any|some)thing else i can (?:help|assist|do)\b"),
    re.compile(r"\bas an? (?:ai|artificial intelligence|(?:large )?language model|assistant)\b"),
    re.compile(r"\bi(?: am|'m) (?:here to|designed to|programmed to|just an? ai|an ai)\b"),
    re.compile(r"\b(?:goes|is) against my (?:guidelines|policy|policies|programming|principles)\b"),
    re.compile(r"\bi (?:must|have to|respectfully) decline\b"),
    re.compile(
        r"^(?:i(?:'m| am) )?sorry,? (?:but )?(?:that|this|i)\b.{0,40}\b(?:not|no|n't|unable|decline)\b"
    ),
    re.compile(r"^(?:no|sorry),? (?:i )?(?:will|would|could) not (?:do|help)\b"),
    re.compile(r"\b(?:it is|it's) (?:important to|not (?:appropriate|okay|ok|acceptable) to)\b"),
    re.compile(r"\bi(?: would|'d) (?:like|prefer) to (?:encourage|suggest|remind)\b"),
    re.compile(r"\bplease (?:seek help|refrain|try another (?:text|request|sentence))\b"),
)
SHARED_WORDS = 0.5
"""A sentence is the source's own when at least this share of its content words stands in the source."""
ENGLISH = 0.2
"""Of the words of an English sentence, more than this share are in ``_COMMON``."""

_COMMON = frozenset(
    [
        "i'm",
        "i",
        "am",
        "a",
        "an",
        "the",
        "to",
        "of",
        "and",
        "or",
        "but",
        "in",
        "on",
        "at",
        "it",
        "is",
        "that",
        "this",
        "you",
        "your",
        "my",
        "me",
        "we",
        "he",
        "she",
        "they",
        "with",
        "for",
        "not",
        "be",
        "can",
        "can't",
        "cannot",
        "do",
        "don't",
        "as",
        "so",
        "if",
    ]
)


def is_refusal(output: str, source: str) -> bool:
    """Whether ``output`` declines the task instead of rewriting ``source``, in one of nine languages."""
    said, given = _plain(output), _plain(source)
    in_english = any(pattern.search(said) for pattern in _ABOUT_THE_TASK if not pattern.search(given))
    elsewhere = not _is_english(said) and declines(output) and not declines(source)
    if not (in_english or elsewhere):
        return False
    return _shared_words(said, given) < SHARED_WORDS


def begins_as_published(output: str, source: str = "") -> bool:
    """The published rule, for parity: one of ``PUBLISHED_PREFIXES`` begins the output, whatever the source.

    Of the published 8B outputs that it flags about one in six declines; see ``is_refusal`` for ours.
    """
    return output.strip().lower().startswith(PUBLISHED_PREFIXES)


RULES: dict[str, RefusalRule] = {"anchored": is_refusal, "paper": begins_as_published}


def _plain(text: str) -> str:
    """Lower case, one space between words, apostrophes as in ``can't`` however they were tokenised."""
    return _APOSTROPHE.sub("'", " ".join(text.lower().split())).strip("\"' ")


def _is_english(said: str) -> bool:
    """Whether common words are as frequent as in English, for which there are rules of its own."""
    words = _WORD.findall(said)
    return sum(word in _COMMON for word in words) > ENGLISH * len(words)


def _shared_words(said: str, given: str) -> float:
    words = {word for word in _WORD.findall(said) if word not in _COMMON}
    if not words:
        return 0.0
    return len(words & set(_WORD.findall(given))) / len(words)
