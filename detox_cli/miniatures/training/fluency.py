"""Train and measure `builtin:fluency`: a small encoder that tells well-formed sentences from broken ones.

It learns from real sentences, formal and informal, against broken versions of them; while training, a second
head also marks the words that show the break.
"""

import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import ModernBertConfig, ModernBertForSequenceClassification, PreTrainedTokenizerFast

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.bigram_start import ROTARY_BASE, start_from_bigrams
from detox_cli.miniatures.training.corruptions import Language
from detox_cli.miniatures.training.fluency_figures import measure
from detox_cli.miniatures.training.fluency_texts import Example, examples, training_sentences
from detox_cli.miniatures.training.loop import fit, length_batches, pad, save_half
from detox_cli.miniatures.training.wordpieces import train_wordpieces

WIDTH, LAYERS, HEADS, INNER, PIECES, LONGEST = 128, 3, 4, 192, 7500, 128
BATCH_TOKENS, LEARNING_RATE, ROUNDS = 4096, 1.5e-3, 4


class WithWordHead(nn.Module):
    """The classifier with a head for single tokens that is thrown away after training."""

    def __init__(self, classifier: ModernBertForSequenceClassification) -> None:
        super().__init__()
        self.classifier = classifier
        self.word_head = nn.Linear(classifier.config.hidden_size, 1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the sentence (n, 2) and of its tokens (n, longest)."""
        states = self.classifier.model(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return self.classifier.classifier(self.classifier.head(mean)), self.word_head(states)[..., 0]


def new_model(
    tokenizer: PreTrainedTokenizerFast, rows: Sequence[Sequence[int]], seed: int
) -> ModernBertForSequenceClassification:
    """An encoder with two exclusive classes that starts from the bigrams of ``rows`` of token ids."""
    torch.manual_seed(seed)
    names = ["unacceptable", "acceptable"]
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        max_position_embeddings=LONGEST,
        layer_types=["full_attention"] * LAYERS,
        rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": ROTARY_BASE}},
        attention_bias=True,
        classifier_pooling="mean",
        attn_implementation="eager",
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
        problem_type="single_label_classification",
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        cls_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        sep_token_id=tokenizer.sep_token_id,
    )
    model = ModernBertForSequenceClassification(config)
    start_from_bigrams(model.model, rows, seed)
    return model


@dataclass
class Encoded:
    """Examples as token ids; for each token, whether its word shows the break; which examples are whole."""

    rows: "list[array[int]]" = field(default_factory=list)
    flags: "list[array[int]]" = field(default_factory=list)
    real: list[int] = field(default_factory=list)

    def add(self, items: list[Example], tokenizer: PreTrainedTokenizerFast) -> None:
        """Append examples; two bytes a token, as several rounds of them are held at once."""
        encoded = tokenizer([item.words for item in items], is_split_into_words=True, truncation=True)
        for row, item in enumerate(items):
            places = encoded.word_ids(row)
            self.rows.append(array("H", encoded["input_ids"][row]))
            self.flags.append(array("H", [place is not None and item.wrong[place] for place in places]))
            self.real.append(int(item.kind == "real"))


def train(data: Path, output: Path, seed: int) -> None:
    """Write tokenizer and model to ``output``."""
    real = training_sentences(data, seed)
    language = Language.of(real, corpora.profanity(data))
    tokenizer = train_wordpieces((" ".join(words) for words in real), PIECES, LONGEST)
    rng = random.Random(seed)
    texts = Encoded()
    for _ in range(ROUNDS):  # every round breaks the sentences anew
        texts.add(examples(real, language, rng), tokenizer)
    rows, flags, labels = texts.rows, texts.flags, torch.tensor(texts.real)
    whole = [row for row, is_real in zip(rows, texts.real, strict=True) if is_real][: len(real)]
    model = new_model(tokenizer, whole, seed)
    print(f"{len(rows)} texts, {sum(map(len, rows))} tokens, {model.num_parameters()} parameters", flush=True)
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
