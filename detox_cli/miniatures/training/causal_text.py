"""The texts that the causal miniatures learn from, minus every held-out text.

All readers take the data folder, drop texts for which ``is_held_out(text, HELD_OUT_SHARE)`` is true (or keep
only those, with ``held_out=True``), and return them in file order.
"""

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from detox_cli.data.splits import is_held_out

HELD_OUT_SHARE = 0.1
MAX_COMMENT_CHARS = 1200


class Comment(NamedTuple):
    """One comment or sentence with its binary label."""

    text: str
    toxic: bool


class RewritePair(NamedTuple):
    """A toxic sentence and its human neutral versions (one to three)."""

    toxic: str
    neutral: tuple[str, ...]


def tidy(text: str) -> str:
    """The text on one line, without the quotation marks that some dumps put around it."""
    text = re.sub(r"\s+", " ", text).strip()
    while len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    return text


def _json_lines(path: Path) -> Iterator[dict[str, object]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def comments(data: Path, *, held_out: bool = False) -> list[Comment]:
    """Labelled comments, one line each, at most ``MAX_COMMENT_CHARS`` characters."""
    found: list[Comment] = []
    for row in _json_lines(data / "lm" / "comments.jsonl"):
        raw = str(row["text"])
        if is_held_out(raw, HELD_OUT_SHARE) == held_out:
            found.append(Comment(tidy(raw)[:MAX_COMMENT_CHARS], bool(row["toxic"])))
    return [comment for comment in found if comment.text]


def sentences(data: Path, *, held_out: bool = False) -> list[Comment]:
    """Lower-case, tokenised sentences of comments: the style of ParaDetox's sources."""
    with (data / "jigsaw" / "sentences.tsv").open(encoding="utf-8", newline="") as handle:
        rows = csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Comment(row["text"], row["toxic"] == "1")
            for row in rows
            if row["text"] and is_held_out(row["text"], HELD_OUT_SHARE) == held_out
        ]


def pairs(data: Path, *, held_out: bool = False) -> list[RewritePair]:
    """ParaDetox pairs; the split looks at the toxic side, so all references stay with their source."""
    with (data / "paradetox" / "paradetox.tsv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    columns = ("neutral1", "neutral2", "neutral3")
    return [
        RewritePair(row["toxic"], tuple(row[name] for name in columns if row.get(name)))
        for row in rows
        if is_held_out(row["toxic"], HELD_OUT_SHARE) == held_out
    ]


def prose(data: Path, part: str = "train") -> list[str]:
    """Paragraphs of books and textbooks; ``part`` is ``train`` or ``valid`` (split by document)."""
    found = [
        tidy(paragraph)
        for row in _json_lines(data / "lm" / f"{part}.jsonl")
        for paragraph in str(row["text"]).split("\n")
    ]
    wanted = [text for text in found if len(text) > 60]
    return [text for text in wanted if part != "train" or not is_held_out(text, HELD_OUT_SHARE)]


def strong(texts: list[Comment], words: set[str], least: float = 0.05) -> list[str]:
    """Toxic comments, at most 500 characters, in which at least this share of the words is listed."""
    short = [comment.text[:500] for comment in texts if comment.toxic]
    split = [re.findall(r"[a-z]+", text.lower()) for text in short]
    return [
        text
        for text, found in zip(short, split, strict=True)
        if sum(word in words for word in found) >= least * max(1, len(found))
    ]


def web_text(data: Path, *, toxic: bool) -> list[str]:
    """RealToxicityPrompts' sentences of which both halves are toxic (>= .5), or neither is (< .3)."""
    found = []
    for row in _json_lines(data / "rtp" / "prompts.jsonl"):
        halves = [half for half in (row["prompt"], row["continuation"]) if isinstance(half, dict)]
        scores = [half["toxicity"] for half in halves if half.get("toxicity") is not None]
        if len(scores) < 2 or is_held_out(halves[0]["text"], HELD_OUT_SHARE):
            continue
        if min(scores) >= 0.5 if toxic else max(scores) < 0.3:
            found.append("".join(half["text"] for half in halves))
    return found


def lexicon(data: Path) -> list[str]:
    """Single offensive English words of both word lists, lower case, sorted."""
    listed = (data / "lexicons" / "ldnoobw_en.txt").read_text(encoding="utf-8").splitlines()
    with (data / "lexicons" / "surge_profanity_en.csv").open(encoding="utf-8", newline="") as handle:
        listed += [row["text"] for row in csv.DictReader(handle)]
    words = {entry.strip().lower() for entry in listed}
    return sorted(word for word in words if re.fullmatch(r"[a-z]{3,}", word))


class Severity:
    """How toxic a sentence's words are: the two highest log-odds of its words, added.

    Log-odds are naive Bayes estimates, log p(word | toxic) / p(word | not toxic), from labelled sentences,
    with five pseudo-counts a side, so that rare words count little.
    """

    def __init__(self, labelled: list[Comment]) -> None:
        sides: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        for comment in labelled:
            sides[comment.toxic].update(set(comment.text.lower().split()))
        totals = [sum(side.values()) for side in sides]
        self.odds = {
            word: math.log((sides[1][word] + 5) / totals[1]) - math.log((sides[0][word] + 5) / totals[0])
            for word in sides[0].keys() | sides[1].keys()
        }

    def __call__(self, text: str) -> float:
        """The severity of one tokenised sentence; 0 when no word leans to the toxic side."""
        found = sorted(
            (max(0.0, self.odds.get(word, 0.0)) for word in set(text.lower().split())), reverse=True
        )
        return sum(found[:2])
