"""A sequence classifier's probability of one class, of a text or of a pair of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded
from detox_cli.scoring.batching import BATCH_TOKENS, Item, count_too_long, length_limit, run_model
from detox_cli.scoring.identity import model_identity
from detox_cli.scoring.labels import find_label, meaning_of
from detox_cli.scoring.spec import Spec


def head_of(loaded: Loaded) -> str:
    """``sigmoid`` where the model has one logit or gives several labels at once, else ``softmax``."""
    config = loaded.model.config
    several = config.problem_type == "multi_label_classification"
    return "sigmoid" if several or config.num_labels == 1 else "softmax"


def class_names(loaded: Loaded) -> list[str]:
    """The model's class names by position."""
    return [str(name) for _, name in sorted(loaded.model.config.id2label.items())]


@dataclass(frozen=True)
class ClassProbability:
    """P(class) of a model, by softmax over its classes or by sigmoid of one logit (see ``head_of``)."""

    loaded: Loaded
    model_id: str
    label: str
    index: int
    meaning: str
    head: str
    batch_tokens: int = BATCH_TOKENS
    kind: ClassVar[str] = "classifier"

    @property
    def identity(self) -> str:
        """Kind, model, content hash, class, head, length limit."""
        limit = length_limit(self.loaded)
        return f"{self.kind} {self.model_id}#{self.label} {self.head} max_tokens={limit}"

    def probabilities(self, items: Sequence[Item]) -> list[float]:
        """P(class) of every item, a number in [0, 1], in order."""
        logits = run_model(self.loaded, items, self._logits, self.batch_tokens)
        if not len(logits):
            return []
        shares = logits.sigmoid() if self.head == "sigmoid" else logits.softmax(dim=-1)
        values: list[float] = shares[:, self.index].tolist()
        return values

    def _logits(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = self.loaded.model(**batch).logits
        return logits


class TextClassifier(ClassProbability):
    """P(class) of a text."""

    def score(self, texts: Sequence[str]) -> list[float]:
        """A probability per text, in order."""
        return self.probabilities(texts)

    def too_long(self, texts: Sequence[str]) -> int:
        """How many texts are cut at the model's length limit."""
        return count_too_long(self.loaded, texts)


class PairClassifier(ClassProbability):
    """P(class) of (source, output), read as one sequence; of one logit, such as BLEURT's, the sigmoid."""

    kind: ClassVar[str] = "pair classifier"

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """A probability per pair, in order."""
        return self.probabilities(pairs)

    def too_long(self, pairs: Sequence[tuple[str, str]]) -> int:
        """How many pairs are cut at the model's length limit."""
        return count_too_long(self.loaded, pairs)


def text_classifier(loaded: Loaded, spec: Spec, batch_tokens: int = BATCH_TOKENS) -> TextClassifier:
    """The scorer of the class that ``spec`` names. Raises ``BadSettings`` if the model has no such class."""
    labels = class_names(loaded)
    index = find_label(labels, spec.label, loaded.source.name, spec.meaning)
    meaning = spec.meaning or meaning_of(labels[index])
    return TextClassifier(
        loaded, model_identity(loaded.source), labels[index], index, meaning, head_of(loaded), batch_tokens
    )


def pair_classifier(loaded: Loaded, spec: Spec, batch_tokens: int = BATCH_TOKENS) -> PairClassifier:
    """The scorer of pairs. Raises ``BadSettings`` if ``spec`` names none of several classes."""
    labels = class_names(loaded)
    if len(labels) > 1 and spec.label is None:
        raise BadSettings(
            f"{loaded.source.name} has several classes: {', '.join(labels)}", hint="name one: hf:MODEL#LABEL"
        )
    index = find_label(labels, spec.label, loaded.source.name)
    return PairClassifier(
        loaded,
        model_identity(loaded.source),
        labels[index],
        index,
        labels[index],
        head_of(loaded),
        batch_tokens,
    )
