"""The suite of ParaDetox (ACL 2022): toxicity and fluency are decisions, not probabilities."""

import numpy as np

from detox_cli.scoring.suites.panel import Floats, Panel, Texts
from detox_cli.scoring.suites.suite import Components, Slot, Suite


def decide(probability: Floats) -> Floats:
    """1 where the class is the more probable of two, else 0."""
    return (np.asarray(probability) >= 0.5).astype(np.float64)


def combine(neutral: Floats, cosine: Floats, acceptable: Floats) -> Components:
    """STA = [P(neutral) >= .5], SIM = cosine, FL = [P(acceptable) >= .5]."""
    return Components(decide(neutral), cosine, decide(acceptable))


def measure(texts: Texts, panel: Panel) -> Components:
    """Measure outputs against their sources; references are not needed."""
    pairs = list(zip(texts.sources, texts.outputs, strict=True))
    return combine(panel.neutral(texts.outputs), panel.similar(pairs), panel.fluent(texts))


PARADETOX2022 = Suite(
    name="paradetox2022",
    source="ParaDetox, ACL 2022",
    sta=Slot(
        "1 if P(neutral) of the output is at least .5, else 0", "hf:s-nlp/roberta_toxicity_classifier#neutral"
    ),
    sim=Slot(
        "cosine of source and output",
        lacking="the published scorer, Wieting's SP-30k word averaging, has no transformers checkpoint",
    ),
    fl=Slot(
        "1 if P(acceptable) of the output is at least .5, else 0",
        "hf:cointegrated/roberta-large-cola-krishna2020#acceptable=LABEL_0",
    ),
    measure=measure,
)
