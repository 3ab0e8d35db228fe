"""A self-contained HTML page: elements that escape their texts, tables, and the frame around them."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

from detox_cli.runs.atomic import atomic_file
from detox_cli.services.result import Cell, Table

Element = ET.Element
NOTHING_FROM_OUTSIDE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c2733; --soft: #5d6b7a; --line: #d5dbe1; --a: #2f6f9f; --b: #b4532a; --paper: #fff;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ee; --soft: #9aa7b4; --line: #3a4550; --a: #6db3e8; --b: #e8936a; --paper: #15191e }
}
body {
  font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
}
h1 { font-size: 1.5rem }
h2 { font-size: 1.15rem; margin-top: 2.2rem }
h3 { font-size: .95rem; margin: 1.4rem 0 .3rem }
h1, h2, h3, summary, figcaption { overflow-wrap: anywhere }
figure { margin: 0 }
img { max-width: 100%; background: #fff }
details { margin: .6rem 0 }
summary { cursor: pointer }
.wide { overflow-x: auto }
.part { border-left: 3px solid var(--line); padding-left: 1rem }
.charts { display: flex; flex-wrap: wrap; gap: 1.5rem }
table { border-collapse: collapse; font-size: .85rem }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap }
.number { text-align: right; font-variant-numeric: tabular-nums }
th { vertical-align: bottom }
td.text { white-space: normal }
.caption, figcaption { color: var(--soft); font-size: .85rem; white-space: pre-line }
svg { max-width: 100%; height: auto }
svg text { fill: var(--ink); font: 11px system-ui, sans-serif }
svg .soft { fill: var(--soft) }
svg .bar { fill: var(--a); opacity: .55 }
svg .line { stroke: var(--ink); fill: none }
svg .grid { stroke: var(--line) }
svg .point { fill: var(--a) }
svg .curve { stroke: var(--a); fill: none; stroke-width: 1.5 }
svg .other { stroke: var(--b); fill: none; stroke-width: 1.5 }
svg circle.curve { fill: var(--a) }
svg circle.other { fill: var(--b) }
svg .beaten { fill: none; stroke: var(--b); stroke-width: 1.5 }
svg .front { stroke: var(--soft); fill: none; stroke-dasharray: 3 3 }
@media (max-width: 40rem) {
  body { margin: 1rem auto }
  th, td { padding: .25rem .3rem }
  th, td.word { white-space: normal }
  td.word { min-width: 6rem }
}
"""
JOINTS = re.compile(r"(?<=[/_@])(?=\S)|(?<=[^\W\d_][.:])(?=\S)")
"""Where a name may be broken: between its parts."""
SHORT, LONGEST = 12, 24
"""Characters of a word that is never broken, and of a part that is, such as a digest."""


def element(tag: str, *children: str | Element, **attributes: object) -> Element:
    """An element with texts and other elements in it; texts are escaped when it is written.

    A trailing underscore of an attribute is dropped, others become hyphens: ``class_``, ``stroke_width``.
    """
    names = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    found = ET.Element(tag, names)
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            if last is None:
                found.text = (found.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        else:
            found.append(child)
            last = child
    return found


def section(title: str, *parts: str | Element) -> Element:
    """A part of the page under a heading."""
    return element("section", element("h2", *breakable(title)), *parts)


def breakable(text: str) -> Iterator[str | Element]:
    """A text in which a narrow page may break names of files, models and figures between their parts."""
    for word in re.split(r"(\s+)", text):
        parts = JOINTS.split(word) if len(word) > SHORT else [word]
        first, *others = (
            part[at : at + LONGEST] for part in parts for at in range(0, len(part) or 1, LONGEST)
        )
        yield first
        for other in others:
            yield element("wbr")
            yield other


def html_table(table: Table) -> Element:
    """A result's table, wide ones scrolling by themselves, with its caption below."""
    numeric = [_is_numeric([row[place] for row in table.rows]) for place in range(len(table.columns))]
    columns = zip(table.columns, numeric, strict=True)
    head = element("tr", *(element("th", *breakable(name), **_side(right)) for name, right in columns))
    body = [
        element("tr", *(_cell(cell, right) for cell, right in zip(row, numeric, strict=True)))
        for row in table.rows
    ]
    found = element("table", element("thead", head), element("tbody", *body))
    caption = [element("p", table.caption, class_="caption")] if table.caption else []
    return element("div", element("div", found, class_="wide"), *caption)


def details(title: str, part: Element) -> Element:
    """A part that opens at a click."""
    return element("details", element("summary", *breakable(title)), part)


def page(title: str, parts: Sequence[Element]) -> str:
    """The whole document; the same parts give the same text."""
    policy = {"http-equiv": "Content-Security-Policy", "content": NOTHING_FROM_OUTSIDE}
    head = element("head", element("meta", charset="utf-8"), ET.Element("meta", policy))
    head.append(element("meta", name="viewport", content="width=device-width"))
    head.extend([element("title", title), element("style", STYLE)])
    root = element("html", head, element("body", element("h1", title), *parts), lang="en")
    return "<!doctype html>\n" + ET.tostring(root, encoding="unicode", method="html") + "\n"


def write_page(path: Path, title: str, parts: Sequence[Element]) -> None:
    """Write the page.

    Raises:
        DetoxError: It cannot be written.
    """
    with atomic_file(path) as temporary:
        temporary.write_bytes(page_bytes(title, parts))


def page_bytes(title: str, parts: Sequence[Element]) -> bytes:
    """What `write_page` writes."""
    return page(title, parts).encode("utf-8", "replace")


def outline(text: str) -> str:
    """A text that can be shown anywhere: of every word the first letter, the others as dots.

    Lists of words miss what they do not know, so every word is treated so, in every language.
    """
    words = (word[0] + "\u2022" * (len(word) - 1) for word in text.split())
    return " ".join(words)


def _is_numeric(cells: Sequence[Cell]) -> bool:
    return any(isinstance(cell, int | float) for cell in cells) and not any(isinstance(c, str) for c in cells)


def _side(right: bool) -> dict[str, object]:
    return {"class_": "number"} if right else {}


def _cell(cell: Cell, right: bool) -> Element:
    if cell is None:
        return element("td", "-", **_side(right))
    if isinstance(cell, str):
        return element("td", *breakable(cell), class_=_width_class(cell))
    return element("td", f"{cell:.4g}" if isinstance(cell, float) else str(cell), **_side(right))


def _width_class(cell: str) -> str:
    if len(cell) <= SHORT:
        return "short"
    return "word" if len(cell) <= 60 else "text"
