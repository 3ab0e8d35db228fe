"""Our suite: each factor asks what people are asked about an output and its source, and lies in [0, 1].

People compare: which of the two is less toxic, is the content the same, is the output no less fluent
(TextDetox at CLEF 2024). So do the factors, with p = P(toxic) and a = P(acceptable):

    STA = p(src) (1 - p(out)) / (p(src) (1 - p(out)) + p(out) (1 - p(src)))
    SIM = cosine ^ COSINE_POWER x (shorter / longer) ^ LENGTH_POWER
    FL  = 1 - max(0, a(src) - a(out))

STA is the probability that the source is the toxic one, given that exactly one of the two is (the odds of
Bradley & Terry 1952). FL is the probability that the output is no worse than its source if both are judged by
one standard. A copy has .5, 1 and 1: people give copies about .47. The powers are fitted to people's content
scores in eight languages, English not among them, with chrF in the place of the cosine:
``benchmarks/calibrate.py``.
"""

from collections.abc import Sequence

import numpy as np

from detox_cli.scoring.suites.panel import Floats, Panel, Texts
from detox_cli.scoring.suites.suite import Components, Slot, Suite

COSINE_POWER, LENGTH_POWER = 0.38, 0.29
SUREST = 0.999
"""No classifier is held to be surer than this, so that rounding near 1 decides nothing."""


def less_toxic(source_neutral: Floats, neutral: Floats) -> Floats:
    """P(the source is the toxic one | exactly one of the two is), from P(neutral) of both; .5 if equal."""
    source, output = (
        np.clip(np.asarray(p, np.float64), 1 - SUREST, SUREST) for p in (source_neutral, neutral)
    )
    for_output = (1 - source) * output
    return np.asarray(for_output / (for_output + source * (1 - output)), dtype=np.float64)


def length_balance(sources: Sequence[str], outputs: Sequence[str]) -> Floats:
    """Characters of the shorter text by those of the longer, outer white space aside; 0 if one is empty."""
    lengths = np.array([[len(a.strip()), len(b.strip())] for a, b in zip(sources, outputs, strict=True)])
    lengths = lengths.reshape(-1, 2)
    return np.asarray(lengths.min(axis=1) / np.maximum(1, lengths.max(axis=1)), dtype=np.float64)


def combine(
    source_neutral: Floats,
    neutral: Floats,
    cosine: Floats,
    balance: Floats,
    source_acceptable: Floats,
    acceptable: Floats,
) -> Components:
    """STA, SIM and FL as above, each of shape [n]; a negative cosine counts as 0."""
    sim = np.clip(cosine, 0, 1) ** COSINE_POWER * balance**LENGTH_POWER
    return Components(
        less_toxic(source_neutral, neutral), sim, 1 - np.maximum(0, source_acceptable - acceptable)
    )


def measure(texts: Texts, panel: Panel) -> Components:
    """Measure outputs against their sources; references are not needed."""
    both = [
        *texts.sources,
        *texts.outputs,
    ]  # in one call, so that equal texts have equal scores to the last bit
    source_neutral, neutral = np.split(panel.neutral(both), 2)
    doubled = Texts([*texts.sources, *texts.sources], both, [*texts.references, *texts.references])
    source_acceptable, acceptable = np.split(panel.fluent(doubled), 2)
    return combine(
        source_neutral,
        neutral,
        panel.similar(list(zip(texts.sources, texts.outputs, strict=True))),
        length_balance(texts.sources, texts.outputs),
        source_acceptable,
        acceptable,
    )


DETOX = Suite(
    name="detox",
    edition="2",
    source="the suite of this tool",
    sta=Slot(
        "P(the source is the toxic one | one of the two is), from P(toxic) of both; a copy has .5",
        "hf:s-nlp/roberta_toxicity_classifier#neutral",
    ),
    sim=Slot(
        f"cosine^{COSINE_POWER:g} x (shorter / longer length)^{LENGTH_POWER:g} of source and output",
        "hf:sentence-transformers/LaBSE#pooler",
    ),
    fl=Slot(
        "1 - how much lower P(acceptable) of the output is than that of the source",
        "hf:cointegrated/roberta-large-cola-krishna2020#acceptable=LABEL_0",
    ),
    measure=measure,
)
