"""Is an output less toxic than its source, and no more toxic than a human rewrite? So people are asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from detox_cli.scoring.suites.panel import Panel
from detox_cli.services.eval_rewrite.systems import Item


@dataclass(frozen=True)
class Style:
    """P(toxic) of an output and its source, and how the output stands to source and references.

    Attributes:
        source: P(toxic) of the source.
        output: P(toxic) of the output; ``None`` for an empty one, which no model sees and which counts as no
            improvement.
        less_than_source: Whether the output is the less toxic of the two; a copy is not.
        as_reference: Whether it is no more toxic than one of the references; ``None`` without references.
    """

    source: float
    output: float | None
    less_than_source: bool
    as_reference: bool | None


def styles(panel: Panel, items: Sequence[Item]) -> list[Style]:
    """The style of each item; texts of a language are scored in one call: equal ones are equally toxic."""
    found: dict[int, Style] = {}
    for spoken, places in panel.by_language([item.lang for item in items]):
        here = [items[place] for place in places]
        texts = {text for one in here for text in (one.source, one.output, *one.references) if text.strip()}
        ordered = sorted(texts)
        toxic = dict(zip(ordered, (1 - spoken.neutral(ordered)).tolist(), strict=True))
        found |= {place: _style(item, toxic) for place, item in zip(places, here, strict=True)}
    return [found[place] for place in range(len(items))]


def _style(item: Item, toxic: dict[str, float]) -> Style:
    source, output = toxic[item.source], toxic.get(item.output)
    references = [toxic[text] for text in item.references]
    return Style(
        source,
        output,
        less_than_source=output is not None and output < source,
        as_reference=(output is not None and output <= max(references)) if references else None,
    )
