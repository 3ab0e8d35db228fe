"""Train and measure `builtin:fluency`: a small BERT that tells well-formed sentences from broken ones.

It learns from real sentences, formal and informal, against broken versions of them; while training, a second
head also marks the words that show the break.
"""

import random
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corruptions import Language
from detox_cli.miniatures.training.fluency_figures import measure
from detox_cli.miniatures.training.fluency_texts import Example, examples, training_sentences
from detox_cli.miniatures.training.loop import fit, length_batches, pad, save_half
from detox_cli.miniatures.training.word_vectors import ppmi_vectors
from detox_cli.miniatures.training.wordpieces import train_wordpieces

WIDTH, LAYERS, HEADS, PIECES, LONGEST = 128, 3, 4, 7000, 128
BATCH_TOKENS, LEARNING_RATE, EPOCHS = 4096, 1.5e-3, 3


class WithWordHead(nn.Module):
    """The classifier with a head for single tokens that is thrown away after training."""

    def __init__(self, classifier: BertForSequenceClassification) -> None:
        super().__init__()
        self.classifier = classifier
        self.word_head = nn.Linear(classifier.config.hidden_size, 1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the sentence (n, 2) and of its tokens (n, longest)."""
        output = self.classifier.bert(input_ids=ids, attention_mask=mask)
        sentence = self.classifier.classifier(self.classifier.dropout(output.pooler_output))
        return sentence, self.word_head(output.last_hidden_state)[..., 0]


def new_model(
    tokenizer: PreTrainedTokenizerFast, rows: list[list[int]], seed: int
) -> BertForSequenceClassification:
    """An encoder with two exclusive classes, its embeddings started from co-occurrence in ``rows``."""
    torch.manual_seed(seed)
    names = ["unacceptable", "acceptable"]
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
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
        problem_type="single_label_classification",
        pad_token_id=tokenizer.pad_token_id,
    )
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight.copy_(
            0.05 * ppmi_vectors(rows, len(tokenizer), WIDTH, seed)
        )
    return model


def encode(
    items: list[Example], tokenizer: PreTrainedTokenizerFast
) -> tuple[list[list[int]], list[list[int]]]:
    """Token ids of each example, and for each token whether its word shows the break."""
    encoded = tokenizer([item.words for item in items], is_split_into_words=True, truncation=True)
    flags = []
    for row, item in enumerate(items):
        places = encoded.word_ids(row)
        flags.append([int(place is not None and item.wrong[place]) for place in places])
    return encoded["input_ids"], flags


def train(data: Path, output: Path, seed: int) -> None:
    """Write tokenizer and model to ``output``."""
    real = training_sentences(data, seed)
    language = Language.of(real, corpora.profanity(data))
    tokenizer = train_wordpieces((" ".join(words) for words in real), PIECES, LONGEST)
    rng = random.Random(seed)
    items = [example for _ in range(EPOCHS) for example in examples(real, language, rng)]
    rows, flags = encode(items, tokenizer)
    labels = torch.tensor([int(item.kind == "real") for item in items])
    model = new_model(tokenizer, rows[: len(rows) // EPOCHS], seed)
    print(
        f"{len(items)} texts, {sum(map(len, rows))} tokens, {model.num_parameters()} parameters", flush=True
    )
    both = WithWordHead(model)

    def loss(batch: list[int]) -> torch.Tensor:
        ids, mask = pad([rows[i] for i in batch])
        wrong, _ = pad([flags[i] for i in batch])
        with torch.autocast("cpu", torch.bfloat16):
            sentence, words = both(ids, mask)
        words_loss = binary_cross_entropy_with_logits(
            words.float(), wrong.float(), mask.float(), reduction="sum"
        )
        return cross_entropy(sentence.float(), labels[batch]) + words_loss / mask.sum()

    batches = length_batches([len(row) for row in rows], BATCH_TOKENS, rng)
    fit(both, batches, loss, learning_rate=LEARNING_RATE, name="fluency")
    save_half(model, tokenizer, output)


def main() -> None:
    """Train, then measure."""
    options = corpora.training_options(str(__doc__), "fluency").parse_args()
    torch.set_num_threads(1)
    if not options.measure_only:
        train(options.data, options.output, options.seed)
    measure(options.data, options.output, options.seed)


if __name__ == "__main__":
    main()
