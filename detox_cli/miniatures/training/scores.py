"""Plain scoring with a bundled encoder folder, for measuring it right after training."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn.functional import normalize
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer


@torch.inference_mode()
def probabilities(folder: Path, texts: Sequence[str], label: str) -> list[float]:
    """Probability of ``label`` for each text: sigmoid of a single or multi-label head, else softmax."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    column = model.config.label2id[label]
    independent = model.config.problem_type == "multi_label_classification"
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    scores = [0.0] * len(texts)
    for start in range(0, len(order), 64):
        batch = order[start : start + 64]
        inputs = tokenizer([texts[i] for i in batch], truncation=True, padding=True, return_tensors="pt")
        logits = model(**inputs).logits
        values = (logits.sigmoid() if independent else logits.softmax(-1))[:, column]
        for i, value in zip(batch, values.tolist(), strict=True):
            scores[i] = value
    return scores


@torch.inference_mode()
def cosines(folder: Path, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Cosine of the mean-pooled last layer for each pair of texts."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    texts = [text for pair in pairs for text in pair]
    vectors = torch.empty(len(texts), model.config.hidden_size)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), 64):
        batch = order[start : start + 64]
        inputs = tokenizer([texts[i] for i in batch], truncation=True, padding=True, return_tensors="pt")
        mask = inputs["attention_mask"].unsqueeze(-1)
        states = model(**inputs).last_hidden_state
        vectors[batch] = normalize((states * mask).sum(1) / mask.sum(1), dim=-1)
    values: list[float] = (vectors[::2] * vectors[1::2]).sum(-1).tolist()
    return values
