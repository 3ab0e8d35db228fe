"""Choosing the rewrites that are worth learning from, by the bundled scorers."""

from detox_cli.miniatures.training.causal_measure import Judge
from detox_cli.scoring.lexicon import BUNDLED, read_lexicon

MOST_TOXIC = 0.35
MARGIN = 0.03


def worthwhile(examples: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The (toxic, neutral) examples that are neutral enough and no worse in J than deleting listed words.

    Human rewrites include careless ones. The yardstick is the J of the delete baseline on the same source,
    less ``MARGIN``.
    """
    judge, lexicon = Judge(), read_lexicon(BUNDLED)
    sources, targets = [toxic for toxic, _ in examples], [neutral for _, neutral in examples]
    written = judge.columns(sources, targets)
    deleted = judge.columns(sources, [lexicon.delete(toxic) for toxic in sources])
    return [
        example
        for example, neutral, own, plain in zip(
            examples, written["STA"], written["J"], deleted["J"], strict=True
        )
        if 1 - neutral < MOST_TOXIC and own >= plain - MARGIN
    ]
