"""The same languages on both sides, so that a direction is not one from language to language."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from detox_cli.services.abliterate.contrast.contrasts import Contrast, Parts, Prompt

UNMATCHED = "more of its language than on the other side"
Prompts = tuple[Prompt, ...]


def balanced(contrast: Contrast) -> Contrast:
    """Every language with the same share on one side as on the other, to measure and to choose with.

    Where a model declines in one language more often than in another, the difference of the two sides would
    else hold the difference of the languages. Prompts of one language only stay as they are, and so do the
    test parts. What goes are the last of each language.
    """
    sides = (contrast.positive, contrast.negative)
    if len({prompt.language for side in sides for prompt in (*side.train, *side.val)}) < 2:
        return contrast
    trains = _matched(contrast.positive.train, contrast.negative.train)
    vals = _matched(contrast.positive.val, contrast.negative.val)
    positive, negative = (
        Parts(train, val, side.test) for train, val, side in zip(trains, vals, sides, strict=True)
    )
    lost = sum(len(side.all()) for side in sides) - len(positive.all()) - len(negative.all())
    dropped = dict(contrast.dropped) | ({UNMATCHED: lost} if lost else {})
    return replace(contrast, positive=positive, negative=negative, dropped=dropped)


def _matched(one: Prompts, other: Prompts) -> tuple[Prompts, Prompts]:
    here, there = (Counter(prompt.language for prompt in side) for side in (one, other))
    both = here.keys() & there.keys()
    ratio = sum(here[name] for name in both) / max(1, sum(there[name] for name in both))
    return (
        _first(one, {name: max(1, round(there[name] * ratio)) for name in both}),
        _first(other, {name: max(1, round(here[name] / ratio)) for name in both}),
    )


def _first(prompts: Prompts, most: Mapping[str, int]) -> Prompts:
    seen: Counter[str] = Counter()
    kept = []
    for prompt in prompts:
        seen[prompt.language] += 1
        if seen[prompt.language] <= most.get(prompt.language, 0):
            kept.append(prompt)
    return tuple(kept)
