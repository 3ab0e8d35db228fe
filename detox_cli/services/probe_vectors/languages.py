"""In which languages a token occurs: counted in sentences of which the language is known.

A token is too short for a language identifier, which needs some twenty letters, and half a character of a
byte vocabulary has no letters at all. So every token of the sentences is counted in its language, as if each
had as many sentences, and what the tags are worth is measured on sentences that were not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.data.splits import is_held_out
from detox_cli.errors import BadData
from detox_cli.models.directions import Floats
from detox_cli.services.result import Cell, Table
from detox_cli.statistics.bootstrap import Estimate, mean_interval

HELD_OUT = 0.2
"""The share of sentences on which the tags are tried."""
LEAST = 5
"""Fewest occurrences of a token that gets a tag."""
SHARE = 2 / 3
"""A token is of a language that has at least so much of it: twice as much as all others together."""
SEVERAL = "several"
"""The tag of a token that occurs, and in no language as much as that."""


class TagCheck(BaseModel):
    """What tags are worth in sentences that were not counted; n counts these."""

    model_config = ConfigDict(frozen=True)

    lang: str
    sentences: int = Field(description="That were counted.")
    tagged: Estimate = Field(
        description="Share of a sentence's tokens that are of some language by their tag."
    )
    right: Estimate | None = Field(description="Of these, the share whose language is the sentence's.")


@dataclass(frozen=True)
class TokenLanguages:
    """How often every token occurs in every language.

    Attributes:
        langs: The languages.
        counts: Occurrences, ``[languages, tokens]``.
        sentences: How many were counted, ``[languages]``.
    """

    langs: tuple[str, ...]
    counts: NDArray[np.int64]
    sentences: NDArray[np.int64]

    @cached_property
    def shares(self) -> Floats:
        """The share of each language in every token, were there as many sentences of each; 0 if unseen."""
        rates = self.counts / np.maximum(self.sentences, 1)[:, None]
        whole = rates.sum(0)
        return np.asarray(rates / np.where(whole > 0, whole, 1))

    def seen(self, token: int) -> int:
        """How often a token was counted."""
        return int(self.counts[:, token].sum())

    def share(self, token: int) -> float | None:
        """The share of the language that has most of a token; none where it is too rare to tell."""
        return float(self.shares[:, token].max()) if self.seen(token) >= LEAST else None

    def tag(self, token: int) -> str | None:
        """The language of a token, ``several``, or none where it is too rare to tell."""
        share = self.share(token)
        if share is None:
            return None
        return self.langs[int(self.shares[:, token].argmax())] if share >= SHARE else SEVERAL

    def spread(self, tokens: Sequence[int]) -> dict[str, float] | None:
        """The mean share of each language over those tokens that are not too rare, if there are any."""
        told = [token for token in tokens if self.seen(token) >= LEAST]
        if not told:
            return None
        means = self.shares[:, told].mean(1)
        return dict(zip(self.langs, means.tolist(), strict=True))


def entropy(shares: Mapping[str, float]) -> float:
    """How evenly something is spread, in bits; 0 is all in one."""
    return -sum(share * log2(share) for share in shares.values() if share > 0) + 0.0


def count_tokens(
    rows: Sequence[Mapping[str, str]], tokenizer: Any, vocabulary: int, seed: int, resamples: int
) -> tuple[TokenLanguages, list[TagCheck]]:
    """Count every token of most sentences, and try the tags on the rest.

    Args:
        rows: Sentences by language; those of a row mean the same.
        tokenizer: Of the model.
        vocabulary: How many tokens it has.
        seed: Of the intervals.
        resamples: Their draws.

    Raises:
        BadData: There are fewer than two languages, or one has no sentence on a side.
    """
    texts: dict[str, dict[str, None]] = {}
    for row in rows:
        for lang, text in row.items():
            texts.setdefault(lang, {})[text] = None
    langs = tuple(sorted(texts))
    sides = {lang: _sides([*texts[lang]]) for lang in langs}
    if few := [lang for lang in langs if not all(sides[lang])]:
        raise BadData(
            f"has too few sentences in {', '.join(few)} to count tokens and to try their languages",
            where="--parallel",
            hint="give at least fifty sentences of each language",
        )
    if len(langs) < 2:
        raise BadData(
            f"has sentences in {len(langs)} language; tokens are told apart between two or more",
            where="--parallel",
            hint="give more files: --parallel en-de.tsv --parallel en-fr.tsv",
        )
    counts = np.zeros((len(langs), vocabulary), np.int64)
    for place, lang in enumerate(langs):
        ids = [token for sentence in _ids(tokenizer, sides[lang][0]) for token in sentence]
        counts[place] = np.bincount(ids, minlength=vocabulary)[:vocabulary]
    counted = np.array([len(sides[lang][0]) for lang in langs])
    found = TokenLanguages(langs, counts, counted)
    tags = [found.tag(token) for token in range(vocabulary)]
    checks = [
        _check(lang, len(sides[lang][0]), _ids(tokenizer, sides[lang][1]), tags, seed, resamples)
        for lang in langs
    ]
    return found, checks


def tag_table(checks: Sequence[TagCheck]) -> Table:
    """What the tags are worth, language by language."""
    rows: list[list[Cell]] = [
        [
            one.lang,
            one.sentences,
            str(one.tagged),
            None if one.right is None else str(one.right),
            one.tagged.n,
        ]
        for one in checks
    ]
    caption = (
        "A token is of a language in which it is twice as frequent as in all others together, if it occurs "
        f"{LEAST} times.\nTried on n sentences that were not counted: tokens with a language, "
        "and the share of these whose language is the sentence's; 95 % intervals over sentences."
    )
    columns = ["lang", "counted", "tokens with a language", "rightly", "n"]
    return Table(title="What the languages of tokens are worth", columns=columns, rows=rows, caption=caption)


def _sides(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """The sentences that are counted, and those on which the tags are tried."""
    away = [is_held_out(text, HELD_OUT, "token languages") for text in texts]
    return (
        [text for text, out in zip(texts, away, strict=True) if not out],
        [text for text, out in zip(texts, away, strict=True) if out],
    )


def _ids(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    found: list[list[int]] = tokenizer(texts, add_special_tokens=False, verbose=False).input_ids
    return [ids for ids in found if ids]


def _check(
    lang: str,
    counted: int,
    sentences: Sequence[Sequence[int]],
    tags: Sequence[str | None],
    seed: int,
    resamples: int,
) -> TagCheck:
    found = [[tags[token] for token in ids] for ids in sentences]
    told = [[tag for tag in one if tag not in (None, SEVERAL)] for one in found]
    tagged = [len(some) / len(one) for some, one in zip(told, found, strict=True)]
    right = [some.count(lang) / len(some) for some in told if some]
    return TagCheck(
        lang=lang,
        sentences=counted,
        tagged=mean_interval(tagged, seed, resamples),
        right=mean_interval(right, seed, resamples) if right else None,
    )
