"""Measure `builtin:similarity` on pairs that its training never saw, and write its card."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sacrebleu import sentence_chrf

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.figures import clustered_spearman, write_card
from detox_cli.miniatures.training.scores import cosines
from detox_cli.miniatures.training.similarity_texts import words_of
from detox_cli.statistics.bootstrap import Estimate, mean_interval
from detox_cli.statistics.ranking import auroc

CARD = Path(__file__).with_name("similarity_card.md")


def measure(data: Path, folder: Path) -> dict[str, Estimate]:
    """Measure the model in ``folder``, write its card there and give the figures by name."""
    figures = human_figures(data, folder) | pair_figures(data, folder)
    for name, estimate in figures.items():
        print(f"{name}: {estimate} n={estimate.n}", flush=True)
    write_card(folder, CARD.read_text(encoding="utf-8"), figures)
    return figures


def human_figures(data: Path, folder: Path) -> dict[str, Estimate]:
    """Correlation with human content scores of real systems' outputs, and that of chrF beside it."""
    rows = corpora.read_lines(data / "unlicensed/textdetox2024_human_eval.jsonl")
    english = [row for row in rows if row["lang"] == "en"]
    pairs = [(str(row["toxic_sentence"]), str(row["neutral_sentence"])) for row in english]
    human = [float(str(row["content_score"])) for row in english]
    sources = [source for source, _ in pairs]
    chrf = [sentence_chrf(output, [source]).score for source, output in pairs]
    return {
        "human content score: Spearman": clustered_spearman(cosines(folder, pairs), human, sources),
        "human content score: Spearman of chrF, for comparison": clustered_spearman(chrf, human, sources),
    }


def pair_figures(data: Path, folder: Path) -> dict[str, Estimate]:
    """Held-out toxic sentences with their own rewrite, a random one, and the most alike other one."""
    held = corpora.held_out_side(corpora.paradetox(data), lambda pair: pair.toxic)
    toxic, neutral = [pair.toxic for pair in held], [pair.neutrals[0] for pair in held]
    others = random.Random(0).sample(neutral, len(neutral))
    alike = most_alike(toxic, neutral)
    own = cosines(folder, list(zip(toxic, neutral, strict=True)))
    far = cosines(folder, [(a, b) for a, b, n in zip(toxic, others, neutral, strict=True) if b != n])
    near = cosines(folder, list(zip(toxic, alike, strict=True)))
    return {
        "ParaDetox, own against random rewrite: AUROC": _auroc(own, far),
        "ParaDetox, own against most alike other rewrite: AUROC": _auroc(own, near),
        "cosine with own rewrite": mean_interval(own),
        "cosine with random rewrite": mean_interval(far),
        "cosine with most alike other rewrite": mean_interval(near),
    }


def most_alike(toxic: Sequence[str], neutral: Sequence[str]) -> list[str]:
    """For each sentence the rewrite of another one that shares most words with it (Jaccard)."""
    words = [words_of(text) for text in neutral]
    found = []
    for i, text in enumerate(toxic):
        own = words_of(text)
        shares = [
            len(own & w) / (1 + len(own | w)) if neutral[j] != neutral[i] else -1 for j, w in enumerate(words)
        ]
        found.append(neutral[int(np.argmax(shares))])
    return found


def _auroc(high: list[float], low: list[float]) -> Estimate:
    return auroc(high + low, [True] * len(high) + [False] * len(low))
