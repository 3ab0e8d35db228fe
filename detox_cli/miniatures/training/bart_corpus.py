"""The sentences that ``builtin:bart`` learns from: comments and prose, never a held-out text."""

import csv
import json
import random
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from detox_cli.data.splits import is_held_out

HELD_OUT_SHARE = 0.1
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[\"'(]*[A-Z0-9])|\n+")
_PUNCTUATION = re.compile(r"([.,!?;:()\"])")


def split_sentences(text: str) -> list[str]:
    """Sentences of a comment or a paragraph, white space made single."""
    return [" ".join(part.split()) for part in _SENTENCE_END.split(text) if part.strip()]


def forum_style(sentence: str) -> str:
    """Lower case with punctuation set apart, the style of the tokenised comment corpora."""
    return " ".join(_PUNCTUATION.sub(r" \1 ", sentence.lower()).split())


def comment_sentences(folder: Path) -> Iterator[tuple[str, str]]:
    """Pairs of (document, sentence) from ``jigsaw/sentences.tsv`` and ``lm/comments.jsonl``."""
    with (folder / "jigsaw/sentences.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            yield row["text"], " ".join(row["text"].split())
    with (folder / "lm/comments.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)["text"]
            for sentence in split_sentences(document):
                yield document, sentence


def prose_sentences(folder: Path) -> Iterator[tuple[str, str]]:
    """Pairs of (chapter, sentence) from ``lm/train.jsonl``."""
    with (folder / "lm/train.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)["text"]
            for sentence in split_sentences(document):
                yield document, sentence


@lru_cache(maxsize=4096)
def _held_out_document(document: str) -> bool:
    return is_held_out(document, HELD_OUT_SHARE)


def _keep(sentence: str, longest: int) -> bool:
    words = sentence.split()
    letters = sum(c.isalpha() for c in sentence)
    return (
        3 <= len(words) <= longest and letters >= 0.6 * len(sentence.replace(" ", "")) and len(sentence) < 240
    )


def read_sentences(folder: Path, prose: int, seed: int, longest: int = 28) -> tuple[list[str], list[str]]:
    """Training and held-out sentences, shuffled; both the document and the sentence decide the side.

    Args:
        folder: The data folder with ``jigsaw/`` and ``lm/``.
        prose: How many sentences of prose to take beside all comments.
        seed: Order and choice of the prose.
        longest: Sentences of more words are left out.

    Returns:
        ``(training, held_out)``; held-out sentences are the tokenised comments only, the style that
        rewriting works on.
    """
    rng = random.Random(seed)
    training: dict[str, None] = {}
    held_out: dict[str, None] = {}
    for document, sentence in comment_sentences(folder):
        if _keep(sentence, longest):
            if is_held_out(sentence, HELD_OUT_SHARE):
                if document.split() == sentence.split():
                    held_out[sentence] = None
            elif not _held_out_document(document):
                training[sentence] = None
    extra = [
        s for d, s in prose_sentences(folder) if _keep(s, longest) and not is_held_out(s, HELD_OUT_SHARE)
    ]
    training.update(dict.fromkeys(rng.sample(extra, min(prose, len(extra)))))
    chosen = list(training)
    rng.shuffle(chosen)
    return chosen, list(held_out)
