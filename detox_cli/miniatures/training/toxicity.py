"""Train and measure `builtin:toxicity`: a small BERT for the probability that people find a text toxic.

A teacher over n-grams is fitted on the labelled texts; the encoder learns from the labels and from the
teacher's scores, also on unlabelled sentences and on respelled insults.
"""

import random
from pathlib import Path

import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corpora import Labelled
from detox_cli.miniatures.training.loop import fit, length_batches, pad, save_half
from detox_cli.miniatures.training.toxicity_figures import measure
from detox_cli.miniatures.training.toxicity_groups import group_statements
from detox_cli.miniatures.training.toxicity_texts import soft_labelled
from detox_cli.miniatures.training.word_vectors import ppmi_vectors
from detox_cli.miniatures.training.wordpieces import train_wordpieces

WIDTH, LAYERS, HEADS, PIECES = 128, 3, 2, 10_000
LONGEST, LONGEST_IN_TRAINING = 256, 160
BATCH_TOKENS, LEARNING_RATE, EPOCHS = 4096, 1.5e-3, 2
REFINING_RATE, GROUP_STATEMENTS = 1e-3, 8000


def new_model(
    tokenizer: PreTrainedTokenizerFast, rows: list[list[int]], seed: int
) -> BertForSequenceClassification:
    """An encoder with one output, its embeddings started from co-occurrence in ``rows`` of token ids."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=LONGEST,
        attention_probs_dropout_prob=0.0,
        hidden_dropout_prob=0.0,
        classifier_dropout=0.1,
        attn_implementation="eager",
        num_labels=1,
        id2label={0: "toxicity"},
        label2id={"toxicity": 0},
        problem_type="multi_label_classification",
        pad_token_id=tokenizer.pad_token_id,
    )
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight.copy_(
            0.05 * ppmi_vectors(rows, len(tokenizer), WIDTH, seed)
        )
    return model


def train(data: Path, output: Path, seed: int) -> None:
    """Write tokenizer and model to ``output``."""
    items = soft_labelled(data, seed)
    tokenizer = train_wordpieces((item.text[:1000] for item in items), PIECES, LONGEST)
    model = new_model(tokenizer, encode(items, tokenizer), seed)
    print(f"{len(items)} texts, {model.num_parameters()} parameters", flush=True)
    learn(model, tokenizer, items, seed, EPOCHS, LEARNING_RATE)
    learn(model, tokenizer, refinement(items, seed), seed, 1, REFINING_RATE)
    save_half(model, tokenizer, output)


def refinement(items: list[Labelled], seed: int) -> list[Labelled]:
    """An eighth of the texts again, with statements about groups of people among them."""
    return corpora.sample(items, len(items) // 8, seed) + group_statements(GROUP_STATEMENTS, seed)


def encode(items: list[Labelled], tokenizer: PreTrainedTokenizerFast) -> list[list[int]]:
    """Token ids of each text, cut at the length used in training."""
    texts = [item.text for item in items]
    rows: list[list[int]] = tokenizer(texts, truncation=True, max_length=LONGEST_IN_TRAINING)["input_ids"]
    return rows


def learn(
    model: BertForSequenceClassification,
    tokenizer: PreTrainedTokenizerFast,
    items: list[Labelled],
    seed: int,
    epochs: int,
    rate: float,
) -> None:
    """Fit the model's probability to the texts' targets (cross-entropy with soft labels)."""
    rows, targets = encode(items, tokenizer), torch.tensor([item.toxic for item in items])
    rng, lengths = random.Random(seed), [len(row) for row in rows]
    batches = [batch for _ in range(epochs) for batch in length_batches(lengths, BATCH_TOKENS, rng)]

    def loss(batch: list[int]) -> torch.Tensor:
        ids, mask = pad([rows[i] for i in batch])
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=ids, attention_mask=mask).logits[:, 0]
        return binary_cross_entropy_with_logits(logits.float(), targets[batch])

    fit(model, batches, loss, learning_rate=rate, name="toxicity")


def main() -> None:
    """Train, then measure."""
    options = corpora.training_options(str(__doc__), "toxicity").parse_args()
    torch.set_num_threads(1)
    if not options.measure_only:
        train(options.data, options.output, options.seed)
    measure(options.data, options.output)


if __name__ == "__main__":
    main()
