"""Cosine of two texts' embeddings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded
from detox_cli.models.sources import ModelSource
from detox_cli.scoring.batching import BATCH_TOKENS, find_too_long, length_limit, run_model
from detox_cli.scoring.identity import model_identity

POOLINGS = ("mean", "cls", "pooler")


@dataclass(frozen=True)
class CosineSimilarity:
    """Cosine in [-1, 1] between the embeddings of source and output; every text is embedded once.

    ``mean`` averages the last layer over a text's tokens; ``cls`` takes its first token; ``pooler`` takes the
    model's trained pooler over the first token, as LaBSE wants it.
    """

    loaded: Loaded
    pooling: str
    batch_tokens: int = BATCH_TOKENS

    @property
    def identity(self) -> str:
        """Kind, model, content hash, pooling, length limit."""
        limit = length_limit(self.loaded)
        return f"cosine {model_identity(self.loaded.source)}#{self.pooling} max_tokens={limit}"

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The cosine of each pair, in order."""
        if not pairs:
            return []
        unique = {text: row for row, text in enumerate(dict.fromkeys(t for pair in pairs for t in pair))}
        vectors = self.embed(list(unique))
        left = vectors[[unique[a] for a, _ in pairs]]
        right = vectors[[unique[b] for _, b in pairs]]
        cosines: list[float] = (left * right).sum(dim=1).clamp(-1, 1).tolist()
        return cosines

    def embed(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors, shape [texts, width]."""
        return torch.nn.functional.normalize(
            run_model(self.loaded, texts, self._pool, self.batch_tokens), dim=1
        )

    def too_long(self, pairs: Sequence[tuple[str, str]]) -> int:
        """How many pairs have a text that is cut at the model's length limit."""
        long = find_too_long(self.loaded, [text for pair in pairs for text in pair])
        return sum(a in long or b in long for a, b in pairs)

    def _pool(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        output = self.loaded.model(**batch)
        states: torch.Tensor = output.last_hidden_state
        if self.pooling == "pooler":
            pooled: torch.Tensor = output.pooler_output
            return pooled
        if self.pooling == "cls":
            return states[:, 0]
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        return (states * mask).sum(dim=1) / mask.sum(dim=1)


def pooling_of(source: ModelSource, wanted: str | None) -> str:
    """How to pool: as asked; else as the folder's ``1_Pooling/config.json`` says; else the mean.

    Raises:
        BadSettings: What is asked for, or what the folder says, is not one of ``POOLINGS``.
    """
    if wanted is not None:
        if wanted not in POOLINGS:
            raise BadSettings(f"unknown pooling '{wanted}'", hint=f"use one of {', '.join(POOLINGS)}")
        return wanted
    stated = Path(source.location) / "1_Pooling" / "config.json"
    if not stated.exists():
        return "mean"
    return _stated_pooling(stated, source.name)


def _stated_pooling(path: Path, model: str) -> str:
    modes = {
        k for k, on in json.loads(path.read_text()).items() if k.startswith("pooling_mode_") and on is True
    }
    if modes == {"pooling_mode_mean_tokens"}:
        return "mean"
    if modes == {"pooling_mode_cls_token"}:
        return "pooler" if (path.parent.parent / "2_Dense").exists() else "cls"
    raise BadSettings(
        f"{model} pools in a way that is not supported: {', '.join(sorted(modes)) or 'none is named'}",
        hint=f"write {model}#mean to take the mean of its tokens",
    )
