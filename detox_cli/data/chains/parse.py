"""From what a model wrote back to the steps of its chain, or the reason why it is none."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from detox_cli.data.chains.template import ROADS, ChainTemplate

Verdict = Literal["toxic", "safe"]
STEPS = {"masked": "the masked text", "rephrased": "the rephrased text", "continuation": "the answer"}


@dataclass(frozen=True, slots=True)
class ParsedChain:
    """The steps of a chain.

    Attributes:
        ok: Whether it is a chain from its first step to its answer.
        road: The way it takes, one of `ROADS`; ``None`` if it is no chain.
        verdict: What it says about the prompt; ``None`` where it says nothing. Who answers at once, with
            the choice of a chain, takes the prompt as safe.
        masked: The prompt with `MASK` for its toxic spans.
        rephrased: The prompt rewritten.
        continuation: The answer, which continues the rephrased prompt or a safe one; ``None`` if the chain
            declines to continue, and for all that is not ``ok``.
        problem: What is wrong with it, empty if nothing is.
    """

    ok: bool
    road: str | None = None
    verdict: Verdict | None = None
    masked: str | None = None
    rephrased: str | None = None
    continuation: str | None = None
    problem: str = ""


def parse(text: str, template: ChainTemplate) -> ParsedChain:
    """Read a completion: exactly if it is written to the letter, else whatever its spaces and capitals.

    The answer ends with the first delimiter after it or with the text, and what follows is left aside.
    """
    for loose in (False, True):
        for road in ROADS:
            if road in template.roads and (found := _pattern(template, road, loose).match(text)):
                return _checked(road, found, template, loose)
    return _failed(text, template)


def _checked(road: str, found: re.Match[str], template: ChainTemplate, loose: bool) -> ParsedChain:
    steps = {name: template.writing.read(raw, template.mask) for name, raw in found.groupdict().items()}
    if loose:
        steps = {
            name: step.rstrip() if name == "continuation" else step.strip() for name, step in steps.items()
        }
    verdict: Verdict | None = "toxic" if road.startswith("toxic") else "safe"
    if set(template.roads) == {"direct"}:
        verdict = None
    empty = {name for name, step in steps.items() if not step.strip()}
    if "rephrased" in empty:
        return ParsedChain(
            False, verdict=verdict, masked=steps.get("masked"), problem="the rephrased text is empty"
        )
    left = [name for name in ("rephrased", "continuation") if _masked(found, name, template)]
    if left:
        return ParsedChain(False, verdict=verdict, problem=f"{STEPS[left[0]]} still has a mask")
    if loose and "continuation" in empty:
        return ParsedChain(False, verdict=verdict, problem="it ends before the answer")
    return ParsedChain(True, road, verdict, **steps)


def _masked(found: re.Match[str], name: str, template: ChainTemplate) -> bool:
    return name in found.groupdict() and template.writing.masked(found[name], template.mask)


def _failed(text: str, template: ChainTemplate) -> ParsedChain:
    """How far a broken chain came, by the road on which it came furthest."""
    best: tuple[int, str, re.Match[str] | None] = (0, "", None)
    for road in ROADS:
        if road not in template.roads:
            continue
        parts = template.parts(road)
        for count in range(len(parts), best[0], -1):
            if found := _beginning(template, road, count).match(text):
                best = (count, road, found)
                break
    count, road, found = best
    if not text.strip():
        return ParsedChain(False, problem="nothing was written")
    if found is None:
        return ParsedChain(False, problem="it does not begin as a chain")
    verdict: Verdict | None = None
    others = [
        r for r in template.roads if r != road and template.parts(r)[0][0] == template.parts(road)[0][0]
    ]
    if not others and road != "direct":
        verdict = "toxic" if road.startswith("toxic") else "safe"
    name = template.parts(road)[count - 1][1]
    return ParsedChain(
        False, verdict=verdict, problem=f"{STEPS.get(name or '', 'its end')} does not end as it should"
    )


@lru_cache(maxsize=256)
def _compiled(
    parts: tuple[tuple[str, str | None], ...], field: str, loose: bool, open_end: bool
) -> re.Pattern[str]:
    pieces = []
    for number, (literal, name) in enumerate(parts):
        last = number + 1 == len(parts) and name is None
        body = _loose(literal) if loose else re.escape(literal)
        if last and loose and open_end and number:
            body = rf"(?:{body}|\s*\Z)"
        pieces.append(body if name is None else f"{body}(?P<{name}>{field})")
    return re.compile("".join(pieces), re.IGNORECASE if loose else 0)


def _pattern(template: ChainTemplate, road: str, loose: bool) -> re.Pattern[str]:
    return _compiled(tuple(template.parts(road)), template.writing.field, loose, True)


def _beginning(template: ChainTemplate, road: str, count: int) -> re.Pattern[str]:
    parts = template.parts(road)[:count]
    parts[-1] = (parts[-1][0], None)
    return _compiled(tuple(parts), template.writing.field, True, False)


def _loose(literal: str) -> str:
    """The literal with any spaces where it has some, any before it, and at most its own one after it."""
    inner = r"\s+".join(map(re.escape, literal.split()))
    return rf"\s*{inner}" + ("[ \n]?" if inner and literal[-1].isspace() else "")
