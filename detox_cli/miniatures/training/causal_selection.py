"""Choosing the rewrites that are worth learning from, by the bundled scorers."""

from detox_cli.scoring.lexicon import BUNDLED, read_lexicon
from detox_cli.scoring.load import load_pair_scorer, load_text_scorer

MOST_TOXIC = 0.35
MARGIN = 0.03


def worthwhile(examples: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The (toxic, neutral) examples that are neutral enough and no worse than deleting listed words.

    Human rewrites include careless ones. The yardstick is the worth of the delete baseline on the same
    source, less ``MARGIN``.
    """
    worth, lexicon = Worth(), read_lexicon(BUNDLED)
    sources, targets = [toxic for toxic, _ in examples], [neutral for _, neutral in examples]
    toxicity, written = worth.of(sources, targets)
    _, deleted = worth.of(sources, [lexicon.delete(toxic) for toxic in sources])
    rows = zip(examples, toxicity, written, deleted, strict=True)
    return [example for example, p, own, plain in rows if p < MOST_TOXIC and own >= plain - MARGIN]


class Worth:
    """P(neutral) x cosine x P(acceptable): what a rewrite is worth alone, whatever its source was like."""

    def __init__(self) -> None:
        self.toxicity = load_text_scorer("builtin:toxicity")
        self.fluency = load_text_scorer("builtin:fluency")
        self.similarity = load_pair_scorer("builtin:similarity")

    def of(self, sources: list[str], outputs: list[str]) -> tuple[list[float], list[float]]:
        """P(toxic) and worth of every output."""
        toxicity, fluency = self.toxicity.score(outputs), self.fluency.score(outputs)
        cosines = self.similarity.score(list(zip(sources, outputs, strict=True)))
        rows = zip(toxicity, cosines, fluency, strict=True)
        return toxicity, [(1 - p) * max(0.0, cosine) * a for p, cosine, a in rows]
