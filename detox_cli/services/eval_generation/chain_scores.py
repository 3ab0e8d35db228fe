"""What is scored of chains beside their answers: their form, their verdicts, and what they rephrase."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from detox_cli.models.loading import Loaded
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.cached import score_with_cache
from detox_cli.scoring.edits import word_edits
from detox_cli.scoring.perplexity import continuation_losses
from detox_cli.scoring.protocol import PairScorer
from detox_cli.services.eval_generation.generations import Generation, Row

VERDICTS = {"toxic": 1, "safe": 0}


def chain_columns(one: Generation) -> Row:
    """What needs no model, in the order of the samples; nothing where none are chains.

    ``edits`` counts the words and marks in which a rephrased prompt differs from the prompt, ``edited`` is
    their share; both are ``None`` where a chain rephrases nothing, or is none.
    """
    if not one.chains:
        return {}
    edits = [
        None if text is None else word_edits(one.prompt.text, text) for text in map(rephrased, one.chains)
    ]
    return {
        "malformed": [int(not chain.get("ok")) for chain in one.chains],
        "found_toxic": [VERDICTS.get(str(chain.get("verdict"))) for chain in one.chains],
        "edits": [None if found is None else found[0] for found in edits],
        "edited": [None if found is None else found[1] for found in edits],
    }


def rephrased(chain: Mapping[str, Any]) -> str | None:
    """The rephrased prompt of a chain, if it is one and has one."""
    text = chain.get("rephrased") if chain.get("ok") else None
    return None if text is None else str(text)


def add_similarities(
    scorer: PairScorer, block: Sequence[Generation], rows: Sequence[Row], cache: ScoreCache | None
) -> None:
    """How near each rephrased prompt is to its original; ``None`` where there is none."""
    texts = [[rephrased(chain) for chain in one.chains] for one in block]
    pairs = [
        (one.prompt.text, text)
        for one, some in zip(block, texts, strict=True)
        for text in some
        if text is not None
    ]
    scores = iter(score_with_cache(scorer, pairs, cache))
    for some, row in zip(texts, rows, strict=True):
        if some:
            row["similarity"] = [None if text is None else next(scores) for text in some]


def add_detoxified_losses(judge: Loaded, block: Sequence[Generation], rows: Sequence[Row]) -> None:
    """The losses of chains' answers after what they continue: the rephrased prompt, or a safe one itself."""
    chained = [(one, row) for one, row in zip(block, rows, strict=True) if one.chains]
    contexts = [str(chain.get("rephrased") or one.prompt.text) for one, _ in chained for chain in one.chains]
    texts = [[text] for one, _ in chained for text in one.samples]
    losses = iter(continuation_losses(judge, contexts, texts))
    for one, row in chained:
        found = [next(losses)[0] for _ in one.samples]
        row["nats_detoxified"] = [loss.nats if isfinite(loss.nats) else None for loss in found]
        row["judged_tokens_detoxified"] = [loss.tokens for loss in found]
