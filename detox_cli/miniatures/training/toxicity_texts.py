"""The texts that `builtin:toxicity` learns from and is measured on."""

import random
import re
from dataclasses import dataclass
from pathlib import Path

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corpora import Labelled, Rewrite
from detox_cli.miniatures.training.disguise import disguise


@dataclass(frozen=True)
class Measured:
    """Texts of the figures; training drops every text that shares eight words in a row with one."""

    pairs: list[Rewrite]
    natural: list[Labelled]
    surge: list[Labelled]

    def texts(self) -> list[str]:
        """All of them."""
        rewrites = [text for pair in self.pairs for text in (pair.toxic, *pair.neutrals)]
        return rewrites + [item.text for item in self.natural + self.surge]


def measured_texts(data: Path) -> Measured:
    """Held-out ParaDetox pairs, held-out natural Jigsaw comments, all of Surge (never trained on)."""
    pairs = corpora.held_out_side(corpora.paradetox(data), lambda pair: pair.toxic)
    natural = corpora.held_out_side(corpora.jigsaw_comments(data, "train"), lambda item: item.text)
    rows = corpora.read_table(data / "hate/surge_toxicity_en.csv")
    surge = [Labelled(row["text"], float(row["is_toxic"] == "Toxic"), "surge") for row in rows]
    return Measured(pairs, natural, surge)


def labelled_texts(data: Path, seed: int) -> list[Labelled]:
    """Everything with a label on the training side, clean prose included."""
    gold = corpora.jigsaw_comments(data) + corpora.jigsaw_sentences(data) + corpora.civil_comments(data)
    gold += corpora.davidson(data) + corpora.toxigen(data) + corpora.real_toxicity_prompts(data)
    for pair in corpora.training_side(corpora.paradetox(data), lambda pair: pair.toxic):
        gold.append(Labelled(pair.toxic, 1.0, "paradetox"))
        gold += [Labelled(neutral, 0.0, "paradetox") for neutral in dict.fromkeys(pair.neutrals)]
    gold += [Labelled(text, 0.0, "prose") for text in corpora.sample(corpora.prose(data), 15_000, seed)]
    return corpora.training_side(gold, lambda item: item.text)


def unlabelled_texts(data: Path, seed: int) -> list[str]:
    """Sentences without a label of their own: of comments, of prose, and those nobody could rewrite."""
    pieces = [piece for item in corpora.comments(data) for piece in sentences(item.text)]
    pieces += [
        piece for text in corpora.sample(corpora.prose(data), 20_000, seed + 1) for piece in sentences(text)
    ]
    pieces = [piece for piece in dict.fromkeys(pieces) if 3 <= len(piece.split()) <= 50]
    chosen = corpora.sample(pieces, 50_000, seed)
    chosen += [str(row["toxic"]) for row in corpora.read_lines(data / "paradetox/cannot_rewrite.jsonl")]
    return corpora.training_side(chosen, lambda text: text)


def sentences(text: str) -> list[str]:
    """A rough cut at sentence ends and lines."""
    return [piece.strip() for piece in re.split(r"(?<=[.!?])\s+|\n+", text) if piece.strip()]


def with_disguises(items: list[Labelled], rude: set[str], seed: int) -> list[Labelled]:
    """Copies of toxic texts in which rude words are respelled, a third of those that hold one."""
    rng = random.Random(seed)
    copies = []
    for item in items:
        if item.toxic > 0.7 and len(item.text) < 400 and rng.random() < 0.33:
            copy = disguise(item.text, rude, rng)
            if copy != item.text:
                copies.append(Labelled(copy, item.toxic, "disguise"))
    return copies


def soft_labelled(data: Path, seed: int) -> list[Labelled]:
    """Texts with the targets the encoder learns: label mixed with teacher, or the teacher's score alone."""
    measured = measured_texts(data).texts()
    gold = corpora.without_overlap(labelled_texts(data, seed), lambda item: item.text, measured)
    # scikit-learn, an extra, is needed for training only: the figures read their texts without it.
    from detox_cli.miniatures.training.toxicity_teacher import Teacher

    teacher = Teacher(gold, folds=3, seed=seed)
    mixed = [
        Labelled(item.text, float(0.6 * item.toxic + 0.4 * score), item.source)
        for item, score in zip(gold, teacher.unseen, strict=True)
    ]
    free = corpora.without_overlap(unlabelled_texts(data, seed), lambda text: text, measured)
    mixed += [Labelled(t, float(score), "free") for t, score in zip(free, teacher.score(free), strict=True)]
    return mixed + with_disguises(mixed, corpora.profanity(data), seed)
