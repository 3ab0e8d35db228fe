"""Chat-format practice: repeating, deleting offensive words, and rewriting, in the template's own tokens."""

import random
import re
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from detox_cli.generation.prompts import DETOX_EN_V1
from detox_cli.miniatures.training.causal_model import ASSISTANT, BOS, EOS, SYSTEM, USER
from detox_cli.miniatures.training.causal_text import RewritePair

DETOX_PARAPHRASES = (
    "Rewrite the text in a neutral, polite way.",
    "Make the user's text non-toxic. Keep the meaning.",
    "Detoxify the text. Answer with the new text only.",
    "Rewrite this without insults or swear words.",
    "Rephrase the sentence so that nobody is offended, and change as little as you can.",
)
REPEAT_INSTRUCTIONS = (
    "Repeat the user's text.",
    "Repeat the text word for word.",
    "Copy the sentence.",
    "Say exactly what the user says.",
)
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] | trim + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


class Exchange(NamedTuple):
    """One user turn with its answer; only taught answers count in the loss."""

    user: str
    answer: str
    taught: bool = True


@dataclass(frozen=True)
class Conversation:
    """A system text (may be empty) and exchanges."""

    system: str
    exchanges: tuple[Exchange, ...]

    def pieces(self) -> list[tuple[str, bool]]:
        """The rendered text in order, each piece with whether its tokens are taught."""
        found = [(BOS + (SYSTEM + self.system + EOS if self.system else ""), False)]
        for exchange in self.exchanges:
            found.append((USER + exchange.user + EOS + ASSISTANT, False))
            found.append((exchange.answer + EOS, exchange.taught))
        return found

    def text(self) -> str:
        """What the chat template renders for this conversation."""
        return "".join(piece for piece, _ in self.pieces())


def in_style_of(source: str, target: str) -> str:
    """The target in the source's style: lower case, spaced punctuation, split-off endings."""
    target = re.sub(r"\s+", " ", target.replace("’", "'").replace("“", '"').replace("”", '"')).strip()
    if source == source.lower():
        target = target.lower()
    if not re.search(r"\w[.,!?]", source):
        target = re.sub(r"\s*([.,!?;:]+)(?=\s|$)", r" \1", target)
    if not re.search(r"\w'\w", source):
        target = re.sub(r" ?n't\b", "n 't", target)
        target = re.sub(r"(?<=\w)'(s|m|re|ve|ll|d)\b", r" '\1", target)
    if not re.search(r"[.!?]$", source):
        target = re.sub(r"\s*\.$", "", target)
    elif not re.search(r"[.!?]$", target):
        target = target + " " + source[-1]
    return target.strip()


def word_overlap(source: str, target: str) -> float:
    """How much two texts share: the lower of the two shares of words that stand in the other text."""
    left, right = (re.findall(r"\w+", text.lower()) for text in (source, target))
    shares = [sum(word in set(b) for word in a) / max(1, len(a)) for a, b in ((left, right), (right, left))]
    return min(shares)


def rewrite_examples(pairs: list[RewritePair], least_overlap: float = 0.45) -> list[tuple[str, str]]:
    """(toxic, neutral in the source's style) where the two share enough words to be an edit."""
    return [
        (pair.toxic, styled)
        for pair in pairs
        for styled in dict.fromkeys(in_style_of(pair.toxic, neutral) for neutral in pair.neutral)
        if styled and word_overlap(pair.toxic, styled) >= least_overlap and styled != pair.toxic
    ]


def with_insertions(sentence: str, words: list[str], rng: random.Random) -> str:
    """The sentence with these words put in at random places."""
    parts = sentence.split()
    for word in words:
        parts.insert(rng.randrange(len(parts) + 1), word)
    return " ".join(parts)


class Practice:
    """An endless, seeded source of practice conversations for pretraining.

    ``clean``: harmless sentences; ``any_text``: sentences to repeat; ``rewrites``: (toxic, neutral) examples;
    ``words``: offensive words to insert and remove.
    """

    def __init__(
        self,
        clean: list[str],
        any_text: list[str],
        rewrites: list[tuple[str, str]],
        words: list[str],
        seed: int,
    ) -> None:
        self.clean, self.any_text, self.rewrites, self.words = clean, any_text, rewrites, words
        self.rng = random.Random(seed)
        counts = Counter(word for text in any_text for word in text.split())
        self.weights = [0.2 + counts[word] for word in words]
        self.vocabulary = sorted({word for text in any_text for word in text.split() if word.isalpha()})

    def conversation(self) -> Conversation:
        """One conversation of one to eight exchanges of one kind."""
        kind = self.rng.random()
        count = self.rng.randint(1, 8)
        if kind < 0.4:
            exchanges = [self.repeat() for _ in range(count)]
            return Conversation(self.rng.choice((*REPEAT_INSTRUCTIONS, "")), tuple(exchanges))
        make = self.delete if kind < 0.65 else self._rewrite
        short = self.rng.random() < 0.7
        system = self.rng.choice(DETOX_PARAPHRASES) if short else DETOX_EN_V1.instruction
        return Conversation(system, tuple(make() for _ in range(count)))

    def random_repeats(self) -> Conversation:
        """Random words to be said again: nothing but copying helps."""
        exchanges = []
        for _ in range(self.rng.randint(2, 8)):
            text = " ".join(self.rng.choices(self.vocabulary, k=self.rng.randint(2, 12)))
            exchanges.append(Exchange(text, text))
        return Conversation(self.rng.choice((*REPEAT_INSTRUCTIONS, "")), tuple(exchanges))

    def repeat(self) -> Exchange:
        """A text, or random words, to be said again."""
        if self.rng.random() < 0.3:
            text = " ".join(self.rng.choices(self.vocabulary, k=self.rng.randint(3, 14)))
        else:
            text = self.rng.choice(self.any_text)
        return Exchange(text, text)

    def delete(self) -> Exchange:
        """A harmless sentence with offensive words put in; the answer is the sentence without them."""
        sentence = self.rng.choice(self.clean)
        chosen = self.rng.choices(self.words, self.weights, k=self.rng.choice((1, 1, 2, 3)))
        return Exchange(with_insertions(sentence, chosen, self.rng), sentence)

    def _rewrite(self) -> Exchange:
        return Exchange(*self.rng.choice(self.rewrites))
