"""Judges that choose nothing: scorers for suite `detox` of another make than the bundled ones.

Toxicity is a logistic regression over hashed words, pairs and triples of words and pieces of words, trained
within a minute on labelled comments. Fluency is one over how well `builtin:lm` foresees the tokens, fitted to
sentences and broken ones. No sentence of ParaDetox is among the texts. Similarity is chrF to the source, for
which the powers of the suite were fitted. They are weaker than the bundled
scorers, and wrong about other things.
"""

import random
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, LlamaForCausalLM

from detox_cli.data.pairs import read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import is_held_out, text_key
from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.causal_text import comments, sentences
from detox_cli.miniatures.training.corruptions import CORRUPTIONS, Language, split_words
from detox_cli.models.sources import find_model
from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.scoring.suites.panel import Panel

PLACES, ROUNDS, BATCH, LEARNING_RATE = 2**18, 3, 64, 0.3
MOST, FITTED = 60_000, 4_000
"""Texts that a judge learns from, at most."""


def pieces(text: str) -> list[int]:
    """Places of the pieces of words, of words, and of their pairs and triples."""
    words = ["<s>", *re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", text.lower()), "</s>"]
    found = [" ".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)]
    found += [f"#{w[i : i + 4]}" for word in words[1:-1] for w in (f"^{word}$",) for i in range(len(w) - 3)]
    return [zlib.crc32(piece.encode()) % PLACES for piece in found]


@dataclass
class Words:
    """P(class) of a text as the logistic regression over its pieces says; a `TextScorer`."""

    meaning: str
    weights: nn.EmbeddingBag

    @property
    def identity(self) -> str:
        return f"words:{self.meaning}"

    def score(self, texts: Sequence[str]) -> list[float]:
        with torch.inference_mode():
            return torch.sigmoid(logits(self.weights, [pieces(text) for text in texts])).tolist()

    def too_long(self, texts: Sequence[str]) -> int:
        return 0


@dataclass(frozen=True)
class Overlap:
    """chrF of (source, output), 0 to 1; a `PairScorer`."""

    identity: str = "chrf"

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        found = sentence_chrf([output for _, output in pairs], [source for source, _ in pairs])
        return [float(value) / 100 for value in found]

    def too_long(self, pairs: Sequence[tuple[str, str]]) -> int:
        return 0


class Order:
    """P(acceptable) from how well `builtin:lm` foresees each token; a `TextScorer`."""

    identity, meaning = "order", "acceptable"

    def __init__(self) -> None:
        folder = find_model("builtin:lm").location
        self.model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.linear = nn.Linear(4, 1)
        self.centre, self.spread = torch.zeros(4), torch.ones(4)

    def features(self, texts: Sequence[str]) -> Tensor:
        """Mean, lowest and second lowest log-probability of a token, and the length; shape [n, 4]."""
        ids = [self.tokenizer(text.lower())["input_ids"][:120] for text in texts]
        found = torch.zeros(len(ids), 4)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            rows = nn.utils.rnn.pad_sequence([torch.tensor(ids[i]) for i in batch], batch_first=True)
            with torch.inference_mode():
                known = self.model(rows).logits[:, :-1].log_softmax(-1).gather(-1, rows[:, 1:, None])[..., 0]
            for i, row in zip(batch, known, strict=True):
                one = row[: max(2, len(ids[i]) - 1)]
                lowest = one.sort().values[:2]
                found[i] = torch.stack([one.mean(), *lowest, torch.tensor(float(len(one))).log()])
        return found

    def fit(self, features: Tensor, wanted: Tensor) -> None:
        self.centre, self.spread = features.mean(0), features.std(0)
        optimizer = torch.optim.LBFGS(self.linear.parameters(), max_iter=100)

        def loss() -> Tensor:
            optimizer.zero_grad()
            given = self.linear((features - self.centre) / self.spread)[:, 0]
            value = nn.functional.binary_cross_entropy_with_logits(given, wanted)
            value.backward()
            return value

        optimizer.step(loss)

    def probabilities(self, features: Tensor) -> Tensor:
        with torch.inference_mode():
            return torch.sigmoid(self.linear((features - self.centre) / self.spread)[:, 0])

    def score(self, texts: Sequence[str]) -> list[float]:
        return [float(p) for p in self.probabilities(self.features(texts))]

    def too_long(self, texts: Sequence[str]) -> int:
        return 0


def logits(weights: nn.EmbeddingBag, rows: Sequence[Sequence[int]]) -> Tensor:
    lengths = torch.tensor([0, *(len(row) for row in rows[:-1])])
    flat = torch.tensor([place for row in rows for place in row])
    # The root of the length, not the length: a long text has more evidence, not the same evidence diluted.
    scale = torch.tensor([max(1, len(row)) ** -0.5 for row in rows])
    return weights(flat, lengths.cumsum(0))[:, 0] * scale


def learn_words(texts: Sequence[str], labels: Sequence[bool], seed: int) -> Words:
    """Train on nine tenths of the texts, and print the AUROC on the others."""
    torch.manual_seed(seed)
    weights = nn.EmbeddingBag(PLACES, 1, mode="sum", sparse=True)
    nn.init.zeros_(weights.weight)
    held = [is_held_out(text, 0.1, "judges") for text in texts]
    rows = [pieces(text) for text in texts]
    training = [i for i, out in enumerate(held) if not out]
    optimizer = torch.optim.Adagrad(weights.parameters(), lr=LEARNING_RATE)
    wanted = torch.tensor(labels, dtype=torch.float32)
    for _ in range(ROUNDS):
        order = np.random.default_rng(seed).permutation(training)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH].tolist()
            loss = nn.functional.binary_cross_entropy_with_logits(
                logits(weights, [rows[i] for i in batch]), wanted[batch]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    judge = Words("toxic", weights)
    rest = [i for i, out in enumerate(held) if out]
    print(f"toxicity: AUROC {auroc(judge.score([texts[i] for i in rest]), [labels[i] for i in rest]):.3f}")
    return judge


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    ranks = np.argsort(np.argsort(scores)) + 1
    positive = np.asarray(labels, bool)
    count, others = positive.sum(), (~positive).sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def read_judges(data: Path, seed: int = 0) -> Panel:
    """Learn both, and put them in the places of the suite's scorers."""
    torch.set_num_threads(1)
    pairs = read_pairs(str(data / "paradetox" / "paradetox.tsv"), Rejects())
    known = {text_key(text) for pair in pairs for text in (pair.toxic, *pair.references)}
    labelled = [one for one in [*sentences(data), *comments(data)] if text_key(one.text) not in known]
    random.Random(seed).shuffle(labelled)
    shown = labelled[:MOST]
    toxic = learn_words([one.text for one in shown], [one.toxic for one in shown], seed)
    parts = (part for one in labelled for part in re.split(r"(?<=[.!?])\s", one.text.lower()))
    words = [text for text in map(split_words, parts) if 4 <= len(text) <= 30]
    return Panel(toxic, Overlap(), learn_order(words, corpora.profanity(data), seed))


def learn_order(sentences: Sequence[list[str]], rude: set[str], seed: int) -> Order:
    """Fit P(whole) on sentences that the language model did not learn, whole and broken."""
    rng = random.Random(seed)
    language, judge = Language.of(sentences[:MOST], rude), Order()
    texts, labels = [], []
    for one in [one for one in sentences if is_held_out(" ".join(one), 0.1)][:FITTED]:
        kinds = rng.sample(list(CORRUPTIONS), len(CORRUPTIONS))
        tries = (CORRUPTIONS[kind](one, rng, language) for kind in kinds)
        broken = next((found[0] for found in tries if found is not None and found[0] != one), None)
        if broken is not None:
            texts += [" ".join(one), " ".join(broken)]
            labels += [True, False]
    features, wanted = judge.features(texts), torch.tensor(labels, dtype=torch.float32)
    judge.fit(features[:FITTED], wanted[:FITTED])
    seen = judge.probabilities(features[FITTED:])
    print(f"fluency: AUROC {auroc(seen.tolist(), labels[FITTED:]):.3f}")
    return judge
