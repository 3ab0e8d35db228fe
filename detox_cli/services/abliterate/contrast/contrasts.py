"""What is contrasted: prompts with a behaviour against prompts without it, in parts that do not leak."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from detox_cli.data.splits import split_fraction, text_key
from detox_cli.errors import BadData
from detox_cli.generation.requests import Request, Turn

FEWEST = 32
"""Fewer prompts a side to measure on than this are refused unless forced."""


@dataclass(frozen=True)
class Prompt:
    """One prompt.

    Attributes:
        id: From its file.
        text: The user's own words, without instruction and template; what an answer is compared with.
        prompt: What the model reads: a conversation, or plain text.
        language: As its file names it; empty where it does not.
        key: Prompts with the same key fall into the same part.
    """

    id: str
    text: str
    prompt: str | tuple[Turn, ...]
    language: str = ""
    key: str = ""

    def request(self, seed: int = 0) -> Request:
        """For an engine."""
        return Request(self.id, self.prompt, seed)


@dataclass(frozen=True)
class Parts:
    """One side of a contrast: to measure on, to choose with, and held out to verify with."""

    train: tuple[Prompt, ...]
    val: tuple[Prompt, ...]
    test: tuple[Prompt, ...]

    def all(self) -> tuple[Prompt, ...]:
        """Every prompt, whatever its part."""
        return (*self.train, *self.val, *self.test)

    def where(self, keep: Callable[[Prompt], bool], *, test: bool) -> "Parts":
        """Only some of the prompts; those held out only if ``test`` says so."""
        train, val = (tuple(filter(keep, part)) for part in (self.train, self.val))
        return Parts(train, val, tuple(filter(keep, self.test)) if test else self.test)


@dataclass(frozen=True)
class Shares:
    """How a side is parted; what neither ``val`` nor ``test`` takes is measured on.

    Attributes:
        val: Share of the prompts to choose with.
        test: Share of the prompts that are held out.
        most_val: More are not needed to choose with.
        most_test: More are not needed to verify with.
    """

    val: float = 0.2
    test: float = 0.3
    most_val: int = 32
    most_test: int = 100


DEFAULT_SHARES = Shares()


@dataclass(frozen=True)
class Contrast:
    """Two sides, and what did not make it into them.

    Attributes:
        kind: ``refusal``, ``task``, ``toxicity`` or ``files``.
        positive: Prompts that show the behaviour to be removed.
        negative: Prompts that do not.
        answers: What the model itself answered, by id, where it was asked.
        dropped: How many prompts were left out, by reason.
    """

    kind: str
    positive: Parts
    negative: Parts
    answers: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)

    def hashes(self) -> dict[str, str]:
        """16 hex digits for each side, over the prompts that are measured on, in order."""
        sides = {"positive": self.positive, "negative": self.negative}
        return {name: _hash(prompt.prompt for prompt in side.train) for name, side in sides.items()}

    def counts(self) -> dict[str, dict[str, int]]:
        """How many prompts each part of each side has."""
        sides = {"positive": self.positive, "negative": self.negative}
        return {
            name: {part: len(getattr(side, part)) for part in ("train", "val", "test")}
            for name, side in sides.items()
        }

    def check(self, force: bool = False) -> None:
        """Raise ``BadData`` if a side has fewer than 32 prompts to measure on; with ``force``, if none."""
        fewest = 1 if force else FEWEST
        for name, side in (("positive", self.positive), ("negative", self.negative)):
            if len(side.train) < fewest or not side.val:
                lost = "; ".join(f"{many} dropped, {why}" for why, many in self.dropped.items())
                raise BadData(
                    f"{len(side.train)} {name} prompts are left to measure on and {len(side.val)} to choose "
                    f"with, {fewest} and 1 are needed{f' ({lost})' if lost else ''}",
                    where=f"the {self.kind} contrast",
                    hint="give more prompts" + ("" if force else ", or use --force to go on with few"),
                )


def parted(
    kind: str,
    positive: Sequence[Prompt],
    negative: Sequence[Prompt],
    seed: int,
    shares: Shares = DEFAULT_SHARES,
    answers: Mapping[str, str] | None = None,
) -> Contrast:
    """Part both sides by a hash of every prompt's key and the seed, language by language.

    A text that a side has twice counts once; one that stands on both sides is on none.
    """
    keys = [{text_key(prompt.text) for prompt in side} for side in (positive, negative)]
    dropped: Counter[str] = Counter()
    kept: list[list[Prompt]] = []
    for side in (positive, negative):
        seen: dict[str, Prompt] = {}
        for prompt in side:
            key = text_key(prompt.text)
            reason = "on both sides" if key in keys[0] & keys[1] else "given twice" if key in seen else None
            if reason:
                dropped[reason] += 1
            else:
                seen[key] = prompt
        kept.append(list(seen.values()))
    together = any(prompt.key for prompt in kept[0]) and any(prompt.key for prompt in kept[1])
    places = [_places(side, seed, shares) for side in ([kept[0] + kept[1]] * 2 if together else kept)]
    sides = [_parts(side, place) for side, place in zip(kept, places, strict=True)]
    return Contrast(kind, sides[0], sides[1], answers=dict(answers or {}), dropped=dict(dropped))


def filtered(
    contrast: Contrast, refuses: Mapping[str, bool], answers: Mapping[str, str], most_val: int
) -> Contrast:
    """Leave out positive prompts that the model answers, and negative ones that it refuses.

    As Arditi et al. (NeurIPS 2024, arXiv 2406.11717, section 2.2) do it; the test parts stay whole. What is
    then left to choose with beyond ``most_val`` a side is measured on.
    """
    positive = contrast.positive.where(lambda prompt: refuses[prompt.id], test=False)
    negative = contrast.negative.where(lambda prompt: not refuses[prompt.id], test=False)
    lost = {
        "positive but answered": len(contrast.positive.all()) - len(positive.all()),
        "negative but refused": len(contrast.negative.all()) - len(negative.all()),
    }
    dropped = dict(contrast.dropped) | {why: many for why, many in lost.items() if many}
    positive, negative = (_with_short_val(side, most_val) for side in (positive, negative))
    known = {**contrast.answers, **answers}
    return replace(contrast, positive=positive, negative=negative, answers=known, dropped=dropped)


def _with_short_val(side: Parts, most: int) -> Parts:
    return Parts((*side.train, *side.val[most:]), side.val[:most], side.test)


def _places(prompts: list[Prompt], seed: int, shares: Shares) -> dict[str, str]:
    """The part of every key: the same shares of every language."""
    by_language: dict[str, dict[str, None]] = {}
    for prompt in prompts:
        by_language.setdefault(prompt.language, {})[prompt.key or prompt.text] = None
    places: dict[str, str] = {}
    for listed in by_language.values():
        ordered = sorted(listed, key=lambda key: split_fraction(key, seed))
        test = min(round(shares.test * len(ordered)), -(-shares.most_test // len(by_language)))
        val = min(round(shares.val * len(ordered)), -(-shares.most_val // len(by_language)))
        names = ["test"] * test + ["val"] * val + ["train"] * (len(ordered) - test - val)
        places.update(zip(ordered, names, strict=True))
    return places


def _parts(prompts: list[Prompt], places: Mapping[str, str]) -> Parts:
    named: dict[str, list[Prompt]] = {"train": [], "val": [], "test": []}
    for prompt in prompts:
        named[places[prompt.key or prompt.text]].append(prompt)
    return Parts(**{name: tuple(part) for name, part in named.items()})


def _hash(prompts: Iterable[str | tuple[Turn, ...]]) -> str:
    digest = hashlib.sha256()
    for prompt in prompts:
        text = prompt if isinstance(prompt, str) else "\x1e".join(f"{t.role}\x1f{t.text}" for t in prompt)
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]
