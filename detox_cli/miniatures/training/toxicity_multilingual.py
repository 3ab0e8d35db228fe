"""Train and measure `builtin:toxicity-multilingual`: a small BERT for 17 languages.

As for `builtin:toxicity`, a teacher over n-grams is fitted on the labelled texts, and the encoder learns from
the labels and from the teacher's scores.
"""

from pathlib import Path

import torch

from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corpora import Labelled
from detox_cli.miniatures.training.loop import save_half
from detox_cli.miniatures.training.multilingual_figures import measure
from detox_cli.miniatures.training.multilingual_pieces import train_pieces
from detox_cli.miniatures.training.multilingual_texts import soft_labelled
from detox_cli.miniatures.training.toxicity import LEARNING_RATE, LONGEST, encode, learn, new_model
from detox_cli.scoring.language_id import RTP_LX

PIECES, EPOCHS, ENGLISH_FOR_PIECES = 20_000, 3, 12_000


def train(data: Path, output: Path, seed: int) -> None:
    """Write tokenizer and model to ``output``."""
    items = soft_labelled(data, seed)
    tokenizer = train_pieces(texts_for_pieces(items, seed), PIECES, LONGEST)
    model = new_model(tokenizer, encode(items, tokenizer), seed)
    print(f"{len(items)} texts, {model.num_parameters()} parameters", flush=True)
    learn(model, tokenizer, items, seed, EPOCHS, LEARNING_RATE)
    save_half(model, tokenizer, output)


def texts_for_pieces(items: list[Labelled], seed: int) -> list[str]:
    """All texts in other languages and a part of the English ones, which would take most pieces."""
    other = [item.text for item in items if item.source.partition(" ")[0] in RTP_LX]
    english = [item.text for item in items if item.source.partition(" ")[0] not in RTP_LX]
    return [text[:1000] for text in other + corpora.sample(english, ENGLISH_FOR_PIECES, seed)]


def main() -> None:
    """Train, then measure."""
    options = corpora.training_options(str(__doc__), "toxicity-multilingual").parse_args()
    torch.set_num_threads(1)
    if not options.measure_only:
        train(options.data, options.output, options.seed)
    measure(options.data, options.output)


if __name__ == "__main__":
    main()
