"""Train and measure `builtin:similarity`: a sentence encoder whose cosine tells how much content texts share.

It learns that a rewrite says the same as its toxic sentence and as other rewrites (contrastive, other pairs
of the batch as negatives), and that a sentence which lost words keeps the share of content that they leave.
"""

import json
import random
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy, normalize
from transformers import DistilBertConfig, DistilBertModel, PreTrainedTokenizerFast

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.loop import fit, length_batches, pad, save_half
from detox_cli.miniatures.training.similarity_figures import measure
from detox_cli.miniatures.training.similarity_texts import TextPair, training_pairs
from detox_cli.miniatures.training.word_vectors import ppmi_vectors
from detox_cli.miniatures.training.wordpieces import train_wordpieces

WIDTH, LAYERS, HEADS, INNER, PIECES, LONGEST = 128, 2, 4, 256, 8000, 128
BATCH_TOKENS, LEARNING_RATE, EPOCHS = 6000, 1.5e-3, 2
TEMPERATURE, SAME, UNRELATED = 0.07, 0.85, 0.15


def new_model(tokenizer: PreTrainedTokenizerFast, rows: list[list[int]], seed: int) -> DistilBertModel:
    """An encoder without a pooler, its embeddings started from co-occurrence in ``rows`` of token ids."""
    torch.manual_seed(seed)
    config = DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=WIDTH,
        n_layers=LAYERS,
        n_heads=HEADS,
        hidden_dim=INNER,
        max_position_embeddings=LONGEST,
        dropout=0.0,
        attention_dropout=0.0,
        attn_implementation="eager",
        pad_token_id=tokenizer.pad_token_id,
    )
    model = DistilBertModel(config)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.copy_(0.05 * ppmi_vectors(rows, len(tokenizer), WIDTH, seed))
        model.embeddings.position_embeddings.weight.mul_(0.1)
    return model


def embed(model: DistilBertModel, rows: list[list[int]]) -> torch.Tensor:
    """Unit vectors (n, width): the mean of the last layer over all tokens, [CLS] and [SEP] among them."""
    ids, mask = pad(rows)
    with torch.autocast("cpu", torch.bfloat16):
        states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    weights = mask.unsqueeze(-1).float()
    return normalize((states.float() * weights).sum(1) / weights.sum(1), dim=-1)


def pair_loss(cosines: torch.Tensor, targets: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Loss of cosines (n, n) between first and second texts.

    Contrastive for pairs of equal content (InfoNCE, van den Oord et al. 2018), squared error against the
    graded target on the diagonal, and on unrelated pairs only where they come closer than ``UNRELATED``.
    """
    unrelated = groups[:, None] != groups[None, :]
    own = torch.eye(len(groups), dtype=torch.bool)
    logits = (cosines / TEMPERATURE).masked_fill(~(unrelated | own), -1e4)
    same = targets > SAME
    right = torch.arange(len(groups))[same]
    contrast = (
        cross_entropy(logits[same], right) + cross_entropy(logits.T[same], right) if same.any() else 0.0
    )
    graded = (cosines.diagonal() - targets).square().mean()
    apart = (cosines - UNRELATED).relu().square()[unrelated].mean() if unrelated.any() else 0.0
    return 0.5 * contrast + 4 * graded + 4 * apart


def train(data: Path, output: Path, seed: int) -> None:
    """Write tokenizer and model to ``output``."""
    pairs = training_pairs(data, seed, EPOCHS)
    tokenizer = train_wordpieces((pair.first for pair in pairs), PIECES, LONGEST)
    first: list[list[int]] = tokenizer([pair.first for pair in pairs], truncation=True)["input_ids"]
    second: list[list[int]] = tokenizer([pair.second for pair in pairs], truncation=True)["input_ids"]
    targets = torch.tensor([pair.target for pair in pairs])
    groups = torch.tensor([pair.group for pair in pairs])
    model = new_model(tokenizer, first, seed)
    print(f"{len(pairs)} pairs, {sum(map(len, first + second))} tokens, {model.num_parameters()} parameters")

    def loss(batch: list[int]) -> torch.Tensor:
        vectors = embed(model, [first[i] for i in batch] + [second[i] for i in batch])
        cosines = vectors[: len(batch)] @ vectors[len(batch) :].T
        return pair_loss(cosines, targets[batch], groups[batch])

    lengths = [max(len(a), len(b)) * 2 for a, b in zip(first, second, strict=True)]
    fit(model, batches_of(pairs, lengths, seed), loss, learning_rate=LEARNING_RATE, name="similarity")
    save_half(model, tokenizer, output)
    write_pooling(output)


def batches_of(pairs: list[TextPair], lengths: list[int], seed: int) -> list[list[int]]:
    """Batches without single pairs, which have nothing to contrast with."""
    batches = length_batches(lengths, BATCH_TOKENS, random.Random(seed))
    return [batch for batch in batches if len(batch) > 1]


def write_pooling(folder: Path) -> None:
    """State the mean pooling in the files that sentence-transformers reads."""
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    pooling = {
        "word_embedding_dimension": WIDTH,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
    }
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(modules, indent=1) + "\n", encoding="utf-8")
    (folder / "1_Pooling/config.json").write_text(json.dumps(pooling, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Train, then measure."""
    options = corpora.training_options(str(__doc__), "similarity").parse_args()
    torch.set_num_threads(1)
    if not options.measure_only:
        train(options.data, options.output, options.seed)
    measure(options.data, options.output)


if __name__ == "__main__":
    main()
