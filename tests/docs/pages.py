"""The Markdown pages of the project: their headings, links, code blocks and command lines."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```\s*$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
BETWEEN = {"|", "||", "&&", ";", "&", "<", ">", ">>", "(", ")", "<(", "2>"}
LEADING = {"do", "then", "time", "nice"}
PROGRAM = re.compile(r"(?:\S*/)?detox$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language (maybe none), its text, and the line of its first row."""

    language: str
    text: str
    line: int


def pages() -> list[Path]:
    """Every page that is written for readers; cards of bundled models too."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]
    return sorted([*found, *ROOT.glob("detox_cli/miniatures/*/README.md")])


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [Block(it[2], it[3], text.count("\n", 0, it.start()) + 2) for it in FENCE.finditer(text)]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Where the page's links lead, pictures included."""
    return LINK.findall(INLINE.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the page's headings."""
    names: dict[str, int] = {}
    found = set()
    for title in re.findall(r"^#+ +(.*?)\s*$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = names.get(name, 0)
        names[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def commands(text: str) -> Iterator[list[str]]:
    """The words after ``detox`` of every call of it in a piece of shell."""
    text = re.sub(r"\\\n\s*", " ", text)
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line)
        yield from _calls(line)


def _calls(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:  # a quote that goes on in the next line
        return
    call: list[str] = []
    for word in [*words, ";"]:
        if word in BETWEEN or set(word) <= set("|&;<>()"):
            yield from _detox(call)
            call = []
        else:
            call.append(word)


def _detox(words: list[str]) -> Iterator[list[str]]:
    while words and (words[0] in LEADING or re.match(r"\w+=", words[0]) or words[0] == "$"):
        words = words[1:]
    places = [place for place, word in enumerate(words) if word == "detox_cli" and words[place - 1] == "-m"]
    if places:
        yield words[places[0] + 1 :]
    elif words and PROGRAM.match(words[0]):
        yield words[1:]
