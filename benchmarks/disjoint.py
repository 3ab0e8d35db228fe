"""Two scorers of toxicity that share no training text with each other, and none with a word list.

    python -m benchmarks.disjoint --data $DETOX_DATA --output scorers

Writes `OUTPUT/wiki`, trained on comments of Wikipedia's talk pages and clean prose, and `OUTPUT/tweets`,
trained on tweets alone; each with its own vocabulary, and no text of the other. Five minutes on one core.
They are weaker than `builtin:toxicity`, which has read both: their use is that what they agree on is not an
accident of one corpus. Neither was trained on RealToxicityPrompts.
"""

import argparse
from pathlib import Path

import torch

from detox_cli.data.splits import split_fraction, text_key
from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corpora import Labelled
from detox_cli.miniatures.training.loop import save_half
from detox_cli.miniatures.training.toxicity import encode, learn, new_model
from detox_cli.miniatures.training.wordpieces import train_wordpieces
from detox_cli.statistics.ranking import auroc

PIECES, LONGEST, EPOCHS, RATE = 8_000, 256, 2, 1.5e-3
CLEAN = 6_000


def sources(data: Path, seed: int) -> dict[str, list[Labelled]]:
    """The texts of each scorer, without those that are held out or that stand in both."""
    prose = [item for item in corpora.prose(data) if 40 < len(item) < 600]
    chosen = [text for text in prose if split_fraction(text, "disjoint") < 0.5]
    clean = [Labelled(text, 0.0, "prose") for text in corpora.sample(chosen, CLEAN, seed)]
    wiki, tweets = corpora.jigsaw_comments(data), corpora.davidson(data)
    news = {text_key(item.text) for item in corpora.civil_comments(data)}
    both = {text_key(item.text) for item in wiki} & {text_key(item.text) for item in tweets}
    wiki = [item for item in wiki if text_key(item.text) not in both | news]
    tweets = [item for item in tweets if text_key(item.text) not in both]
    found = {"wiki": [*wiki, *clean], "tweets": tweets}
    return {name: corpora.training_side(items, lambda item: item.text) for name, items in found.items()}


def train(items: list[Labelled], output: Path, seed: int) -> None:
    """Train one scorer and write it."""
    tokenizer = train_wordpieces((item.text[:1000] for item in items), PIECES, LONGEST)
    model = new_model(tokenizer, encode(items, tokenizer), seed)
    learn(model, tokenizer, items, seed, EPOCHS, RATE)
    save_half(model, tokenizer, output)
    (output / "README.md").write_text("---\nlanguage: [en]\n---\n", encoding="utf-8")


def main() -> None:
    """Train both, and say how well each tells toxic texts of Surge, which none of them has seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    from detox_cli.scoring.load import load_text_scorer

    rows = list(corpora.read_table(options.data / "hate/surge_toxicity_en.csv"))
    for name, items in sources(options.data, options.seed).items():
        train(items, options.output / name, options.seed)
        scores = load_text_scorer(f"hf:{options.output / name}").score([row["text"] for row in rows])
        area = auroc(scores, [row["is_toxic"] == "Toxic" for row in rows])
        print(f"{name}: {len(items)} texts, AUROC on Surge {area}, n = {area.n}", flush=True)


if __name__ == "__main__":
    main()
