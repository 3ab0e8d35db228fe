"""Our suite: soft STA x cosine x soft FL; every factor lies in [0, 1], and a copy has SIM 1."""

import numpy as np

from detox_cli.scoring.suites.panel import Floats, Panel, Texts
from detox_cli.scoring.suites.suite import Components, Slot, Suite


def combine(neutral: Floats, cosine: Floats, acceptable: Floats) -> Components:
    """STA = P(neutral), SIM = cosine cut to [0, 1], FL = P(acceptable)."""
    return Components(neutral, np.clip(cosine, 0, 1), acceptable)


def measure(texts: Texts, panel: Panel) -> Components:
    """Measure outputs against their sources; references are not needed."""
    pairs = list(zip(texts.sources, texts.outputs, strict=True))
    return combine(panel.neutral(texts.outputs), panel.similar(pairs), panel.fluent(texts))


DETOX = Suite(
    name="detox",
    source="the suite of this tool",
    sta=Slot("P(neutral) of the output, soft", "hf:s-nlp/roberta_toxicity_classifier#neutral"),
    sim=Slot("cosine of source and output, cut to [0, 1]", "hf:sentence-transformers/LaBSE#pooler"),
    fl=Slot(
        "P(acceptable) of the output, soft",
        "hf:cointegrated/roberta-large-cola-krishna2020#acceptable=LABEL_0",
    ),
    measure=measure,
)
