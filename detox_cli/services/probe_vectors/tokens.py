"""Every token that a listed vector raises or lowers, with script and language; and how these are spread."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.models.neurons.vocabulary import Said
from detox_cli.services.probe_vectors.languages import TokenLanguages, entropy
from detox_cli.services.result import Cell, Table
from detox_cli.statistics.bootstrap import Estimate, mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANCE = "by chance"
FROZEN = ConfigDict(frozen=True)


class TokenRow(BaseModel):
    """One token of one vector."""

    model_config = FROZEN

    side: str = Field(description="toward or away from the probe, given, or component.")
    vector: int = Field(description="Rank of the vector on its side, or number of the component.")
    way: str = Field(description="raised or lowered.")
    rank: int
    token: int = Field(description="Its number in the vocabulary.")
    text: str = Field(description="Decoded; what cannot be printed as an escape.")
    script: str = Field(description="Of most of its letters; none without letters.")
    lang: str | None = Field(
        description="The language that has two thirds of it, or several; null if it is rare or unknown."
    )
    share: float | None = Field(description="How much of the token the language with most of it has.")
    seen: int | None = Field(description="How often it was counted; null without --parallel.")


class Spread(BaseModel):
    """Over how many scripts and languages the raised tokens of some vectors are spread; n counts vectors."""

    model_config = FROZEN

    side: str = Field(description="toward or away from the probe, given, or by chance: drawn from all.")
    scripts: Estimate = Field(description="Mean entropy over scripts, in bits.")
    languages: Estimate | None = Field(
        description="Mean entropy over languages, in bits; of those that tell."
    )
    shares: dict[str, Estimate] = Field(description="Mean share of each language.")


def token_rows(
    side: str, numbers: Sequence[int], words: Sequence[Said], languages: TokenLanguages | None
) -> list[TokenRow]:
    """The tokens of some vectors, in their order."""
    return [
        TokenRow(
            side=side,
            vector=number,
            way=way,
            rank=rank,
            token=word.id,
            text=_printable(word.text),
            script=word.script,
            lang=languages.tag(word.id) if languages else None,
            share=languages.share(word.id) if languages else None,
            seen=languages.seen(word.id) if languages else None,
        )
        for number, said in zip(numbers, words, strict=True)
        for way, listed in (("raised", said.raised), ("lowered", said.lowered))
        for rank, word in enumerate(listed, start=1)
    ]


def spread_of(
    side: str, words: Sequence[Said], languages: TokenLanguages | None, seed: int, resamples: int
) -> Spread:
    """Scripts and languages of the raised tokens of some vectors."""
    found = [languages.spread([word.id for word in one.raised]) for one in words] if languages else []
    told = [one for one in found if one is not None]
    shares = {
        lang: mean_interval([one[lang] for one in told], seed, resamples)
        for lang in (told[0] if told else ())
    }
    return Spread(
        side=side,
        scripts=mean_interval([one.entropy for one in words], seed, resamples),
        languages=mean_interval([entropy(one) for one in told], seed, resamples) if told else None,
        shares=shares,
    )


def spread_table(spreads: Sequence[Spread]) -> Table:
    """How the raised tokens are spread, beside vectors that were drawn by chance."""
    rows: list[list[Cell]] = [
        [
            one.side,
            str(one.scripts),
            None if one.languages is None else str(one.languages),
            ", ".join(f"{lang} {share.mean:.0%}" for lang, share in _most(one.shares)),
            one.scripts.n if one.languages is None else one.languages.n,
        ]
        for one in spreads
    ]
    caption = (
        "Entropy of the raised tokens over scripts, and over the languages in which they occur, in bits.\n"
        "Means over vectors with 95 % intervals over them; by chance: value vectors drawn from all."
    )
    columns = ["vectors", "scripts", "languages", "most of", "n"]
    return Table(
        title="Scripts and languages of the raised tokens", columns=columns, rows=rows, caption=caption
    )


def spread_rows(spreads: Sequence[Spread]) -> list[dict[str, object]]:
    """The shares of languages as a table."""
    return [
        {"side": one.side, "lang": lang, "share": s.mean, "low": s.low, "high": s.high, "n": s.n}
        for one in spreads
        for lang, s in one.shares.items()
    ]


def paint_spread(spreads: Sequence[Spread], figure: "Figure") -> None:
    """A point with its interval for each language and side."""
    axes = figure.subplots()
    langs = [*spreads[0].shares]
    for number, one in enumerate(spreads):
        x = np.arange(len(langs)) + (number - (len(spreads) - 1) / 2) * 0.2
        means = np.array([one.shares[lang].mean for lang in langs])
        ends = np.array([[one.shares[lang].low, one.shares[lang].high] for lang in langs]).T
        colour = {"toward": "C3", "away": "C0", CHANCE: "grey"}.get(one.side, "C1")
        arms = np.abs(ends - means)
        axes.errorbar(x, means, arms, fmt="o", ms=3, lw=1, color=colour, label=one.side)
    axes.set_xticks(range(len(langs)), langs)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("share of raised tokens")
    axes.legend(fontsize=7)


def _most(shares: Mapping[str, Estimate], count: int = 3) -> Iterator[tuple[str, Estimate]]:
    yield from sorted(shares.items(), key=lambda one: -one[1].mean)[:count]


def _printable(text: str) -> str:
    """A text that a table can hold."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
