"""Readers of the development data for training the bundled models, and the one held-out rule they share.

Each reader takes the data folder and gives plain records; `training_side` and `held_out_side` split them.
Only files whose licence permits shipping a trained model are read here.
"""

import argparse
import csv
import html
import json
import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from detox_cli.data.splits import is_held_out, text_key

HELD_OUT_SHARE = 0.1

Item = TypeVar("Item")


@dataclass(frozen=True)
class Labelled:
    """A text, how toxic people found it (0 to 1), and the file it came from."""

    text: str
    toxic: float
    source: str


@dataclass(frozen=True)
class Rewrite:
    """A toxic sentence with one to three human rewrites of it that are not toxic."""

    toxic: str
    neutrals: tuple[str, ...]


def training_options(description: str, output: str) -> argparse.ArgumentParser:
    """The options every training script has: where data lie, where the model goes, the seed."""
    parser = argparse.ArgumentParser(description=description)
    data = Path(os.environ.get("DETOX_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=data, help="folder of the development data")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parents[1] / output, help="model folder"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--measure-only", action="store_true", help="measure the model that is there")
    return parser


def held_out(text: str) -> bool:
    """Whether no bundled model may be trained on this text."""
    return is_held_out(text, HELD_OUT_SHARE)


def training_side(items: Iterable[Item], text: Callable[[Item], str]) -> list[Item]:
    """The items that may be trained on; ``text`` gives the source text that decides."""
    return [item for item in items if not held_out(text(item))]


def held_out_side(items: Iterable[Item], text: Callable[[Item], str]) -> list[Item]:
    """The items that figures may be measured on."""
    return [item for item in items if held_out(text(item))]


def word_ngrams(text: str, size: int = 8) -> set[str]:
    """Runs of ``size`` words by their splitting key, to find copies of a sentence inside longer texts."""
    words = [key for word in text.split() if (key := text_key(word))]
    return {" ".join(words[i : i + size]) for i in range(len(words) - size + 1)}


def without_overlap(
    items: Iterable[Item], text: Callable[[Item], str], measured: Iterable[str]
) -> list[Item]:
    """The items that neither equal a measured text nor share a run of eight words with one."""
    seen: set[str] = set()
    for measured_text in measured:
        seen |= word_ngrams(measured_text) | {text_key(measured_text)}
    return [item for item in items if seen.isdisjoint(word_ngrams(text(item)) | {text_key(text(item))})]


def read_table(
    path: Path, delimiter: str = ",", quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
) -> Iterator[dict[str, str]]:
    """Rows of a delimited file with a header line."""
    with path.open(newline="", encoding="utf-8") as stream:
        yield from csv.DictReader(stream, delimiter=delimiter, quoting=quoting)


def read_lines(path: Path) -> Iterator[dict[str, object]]:
    """Records of a JSONL file."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def paradetox(data: Path) -> list[Rewrite]:
    """ParaDetox (CC0-1.0): English toxic sentences with human rewrites."""
    rows = read_table(data / "paradetox/paradetox.tsv", delimiter="\t")
    columns = ("neutral1", "neutral2", "neutral3")
    return [Rewrite(row["toxic"], tuple(row[c] for c in columns if row[c])) for row in rows]


def jigsaw_comments(data: Path, source: str | None = None) -> list[Labelled]:
    """Wikipedia talk comments (CC0-1.0 / CC-BY-SA-3.0); ``source="train"``: the natural part, 9.6% toxic."""
    rows = read_table(data / "jigsaw/binary.csv")
    return [
        Labelled(row["comment_text"], float(row["toxic"]), f"jigsaw-{row['source']}")
        for row in rows
        if source in (None, row["source"])
    ]


def jigsaw_sentences(data: Path) -> list[Labelled]:
    """Single sentences of the Jigsaw sets (CC0-1.0 / CC-BY-SA-3.0), lower-cased and tokenised."""
    rows = read_table(data / "jigsaw/sentences.tsv", delimiter="\t", quoting=csv.QUOTE_NONE)
    return [Labelled(row["text"], float(row["toxic"]), "sentences") for row in rows]


def civil_comments(data: Path) -> list[Labelled]:
    """News comments (CC0-1.0): toxic ones, and ones with the share of raters who found them toxic."""
    rated = []
    for row in read_lines(data / "civil/typed_spans.jsonl"):
        share = 1 - float(str(row["votes_not_toxic"])) / max(1, int(str(row["annotators"])))
        rated.append(Labelled(str(row["text"]), share, "civil-spans"))
    toxic = [
        Labelled(str(row["text"]), 1.0, "civil") for row in read_lines(data / "civil/toxic_comments.jsonl")
    ]
    return rated + toxic


def davidson(data: Path) -> list[Labelled]:
    """Tweets (MIT) with the share of raters who found them hateful or offensive."""
    return [
        Labelled(html.unescape(row["tweet"]), 1 - float(row["neither"]) / float(row["count"]), "davidson")
        for row in read_table(data / "hate/davidson.csv")
    ]


def toxigen(data: Path) -> list[Labelled]:
    """Statements about groups (CDLA-Permissive-2.0) with human ratings 1 to 5, as 0 to 1."""
    return [
        Labelled(row["text"], (float(row["toxicity_human"]) - 1) / 4, "toxigen")
        for row in read_table(data / "toxigen/annotated.csv")
    ]


def real_toxicity_prompts(data: Path) -> list[Labelled]:
    """Web text (Apache-2.0) in halves, each with its Perspective toxicity."""
    halves = []
    for row in read_lines(data / "rtp/prompts.jsonl"):
        for part in (row["prompt"], row["continuation"]):
            if isinstance(part, dict) and part.get("toxicity") is not None:
                halves.append(Labelled(part["text"], float(part["toxicity"]), "rtp"))
    return halves


def comments(data: Path) -> list[Labelled]:
    """Comments for language modelling (CC0-1.0 / CC-BY-SA-3.0), toxic and not."""
    rows = read_lines(data / "lm/comments.jsonl")
    return [Labelled(str(row["text"]), float(str(row["toxic"])), str(row["source"])) for row in rows]


def prose(data: Path, part: str = "train") -> list[str]:
    """Paragraphs of clean prose: novels (public domain), textbooks (CC-BY-4.0), Wikipedia (CC-BY-SA-4.0)."""
    documents = read_lines(data / f"lm/{part}.jsonl")
    return [p.strip() for document in documents for p in str(document["text"]).split("\n") if p.strip()]


def profanity(data: Path) -> set[str]:
    """English rude words and phrases, lower case: LDNOOBW (CC-BY-4.0) and Surge's list (MIT)."""
    listed = (data / "lexicons/ldnoobw_en.txt").read_text(encoding="utf-8").splitlines()
    surge = [row["text"] for row in read_table(data / "lexicons/surge_profanity_en.csv")]
    return {word.strip().lower() for word in listed + surge if word.strip()}


def sample(items: list[Item], size: int, seed: int) -> list[Item]:
    """At most ``size`` items in random order, the same for the same seed."""
    return random.Random(seed).sample(items, min(size, len(items)))
