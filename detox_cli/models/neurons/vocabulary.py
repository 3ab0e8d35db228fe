"""What a direction of the residual stream says: the tokens that it makes most, and least, likely."""

import unicodedata
from collections import Counter
from dataclasses import dataclass
from math import log2
from typing import Any

import torch

from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.final_norm import final_norm, measured_gain
from detox_cli.models.neurons.values import effective_weight, plain


@dataclass(frozen=True)
class Word:
    """A token, in which script it is (``none`` where it has no letters), and its number in the vocabulary."""

    text: str
    script: str
    id: int


@dataclass(frozen=True)
class Said:
    """The tokens that a vector raises most, and those that it lowers most, the extreme ones first."""

    raised: tuple[Word, ...]
    lowered: tuple[Word, ...]

    @property
    def entropy(self) -> float:
        """How evenly the raised tokens with letters are spread over scripts, in bits; 0 is one script."""
        scripts = Counter(word.script for word in self.raised if word.script != "none")
        shares = [count / scripts.total() for count in scripts.values()]
        return -sum(share * log2(share) for share in shares)


@torch.no_grad()
def said(model: Any, anatomy: Anatomy, tokenizer: Any, vectors: Floats, k: int) -> list[Said]:
    """The vocabulary as vectors of the stream ``[n, d]`` see it through the final norm and the head.

    ``W_U (g * v)``, with the gain g of the final norm (and v less its mean where that is a LayerNorm): what a
    step along v changes in the logits, up to the length of the stream (Geva et al., EMNLP 2022).
    """
    inner = plain(model)
    gain, centred = measured_gain(final_norm(inner, anatomy), anatomy.width)
    read = (vectors - vectors.mean(1, keepdims=True) if centred else vectors) * gain
    table = effective_weight(inner.get_output_embeddings(), "weight")[: len(tokenizer)]
    logits = torch.from_numpy(read).to(table.device, torch.float32) @ table.float().T
    k = min(k, logits.shape[1])
    highest, lowest = logits.topk(k).indices.tolist(), (-logits).topk(k).indices.tolist()
    return [
        Said(_words(tokenizer, up), _words(tokenizer, down)) for up, down in zip(highest, lowest, strict=True)
    ]


def _words(tokenizer: Any, ids: list[int]) -> tuple[Word, ...]:
    texts = [tokenizer.decode([token]) for token in ids]
    return tuple(Word(text, script(text), token) for text, token in zip(texts, ids, strict=True))


def script(text: str) -> str:
    """The script of most letters of a text, by their names in Unicode, such as ``latin`` or ``cjk``."""
    names = [unicodedata.name(char, "").split(" ")[0].split("-")[0] for char in text if char.isalpha()]
    counted = Counter(name.lower() for name in names if name)
    return counted.most_common(1)[0][0] if counted else "none"
