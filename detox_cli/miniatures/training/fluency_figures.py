"""Measure `builtin:fluency` on sentences that its training never saw, and write its card."""

import random
from pathlib import Path

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corruptions import CORRUPTIONS, Language, split_words
from detox_cli.miniatures.training.figures import clustered_spearman, write_card
from detox_cli.miniatures.training.fluency_texts import all_sentences, usable
from detox_cli.miniatures.training.scores import probabilities
from detox_cli.statistics.bootstrap import Estimate, mean_interval
from detox_cli.statistics.ranking import auroc

CARD = Path(__file__).with_name("fluency_card.md")
PER_SOURCE = 500


def measure(data: Path, folder: Path, seed: int) -> dict[str, Estimate]:
    """Measure the model in ``folder``, write its card there and give the figures by name."""
    figures = corruption_figures(data, folder, seed) | human_figures(data, folder)
    for name, estimate in figures.items():
        print(f"{name}: {estimate} n={estimate.n}", flush=True)
    write_card(folder, CARD.read_text(encoding="utf-8"), figures)
    return figures


def held_out_sentences(data: Path, seed: int) -> dict[str, list[list[str]]]:
    """Words of held-out real sentences by source; rewrites are those of held-out toxic sentences."""
    pairs = corpora.held_out_side(corpora.paradetox(data), lambda pair: pair.toxic)
    sources = all_sentences(data, seed) | {"prose": corpora.prose(data, "valid")}
    texts = {name: corpora.held_out_side(source, lambda text: text) for name, source in sources.items()}
    texts["rewrites"] = [pair.neutrals[0] for pair in pairs]
    words = {name: [w for text in source if usable(w := split_words(text))] for name, source in texts.items()}
    return {name: corpora.sample(source, PER_SOURCE, seed) for name, source in words.items()}


def corruption_figures(data: Path, folder: Path, seed: int) -> dict[str, Estimate]:
    """AUROC of real sentences against each kind of broken ones, and shares above .5."""
    sources = held_out_sentences(data, seed)
    real = [words for source in sources.values() for words in source]
    language = Language.of(real, corpora.profanity(data))
    scores = _score(folder, real)
    figures: dict[str, Estimate] = {}
    every: list[float] = []
    for kind, corrupt in CORRUPTIONS.items():
        rng = random.Random(f"{seed} {kind}")
        broken = [made[0] for words in real if (made := corrupt(words, rng, language)) and made[0] != words]
        low = _score(folder, broken)
        every += low
        figures[f"real against {kind}: AUROC"] = _auroc(scores, low)
    all_kinds = {"real against all kinds: AUROC": _auroc(scores, every)}
    begin = 0
    for name, source in sources.items():
        part = scores[begin : begin + len(source)]
        all_kinds[f"real, {name}: share above .5"] = mean_interval([score > 0.5 for score in part])
        begin += len(source)
    all_kinds["broken: share above .5"] = mean_interval([score > 0.5 for score in every])
    return all_kinds | figures


def human_figures(data: Path, folder: Path) -> dict[str, Estimate]:
    """Spearman with human fluency scores of outputs of real systems (never trained on)."""
    rows = corpora.read_lines(data / "unlicensed/textdetox2024_human_eval.jsonl")
    english = [row for row in rows if row["lang"] == "en"]
    scores = probabilities(folder, [str(row["neutral_sentence"]) for row in english], "acceptable")
    human = [float(str(row["neutral_fluency"])) for row in english]
    sources = [str(row["toxic_sentence"]) for row in english]
    return {"human fluency of system outputs: Spearman": clustered_spearman(scores, human, sources)}


def _score(folder: Path, sentences: list[list[str]]) -> list[float]:
    return probabilities(folder, [" ".join(words) for words in sentences], "acceptable")


def _auroc(high: list[float], low: list[float]) -> Estimate:
    return auroc(high + low, [True] * len(high) + [False] * len(low))
