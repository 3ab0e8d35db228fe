"""The suite of PseudoParaDetox (2024): all soft; SIM is the sigmoid of BLEURT, so a copy has about 0.748."""

from detox_cli.scoring.suites.panel import Floats, Panel, Texts
from detox_cli.scoring.suites.suite import Components, Slot, Suite


def combine(neutral: Floats, sigmoid_bleurt: Floats, acceptable: Floats) -> Components:
    """STA = P(neutral), SIM = sigmoid(BLEURT(source, output)), FL = P(acceptable), none of them rounded."""
    return Components(neutral, sigmoid_bleurt, acceptable)


def measure(texts: Texts, panel: Panel) -> Components:
    """Measure outputs against their sources; references are not needed."""
    pairs = list(zip(texts.sources, texts.outputs, strict=True))
    return combine(panel.neutral(texts.outputs), panel.similar(pairs), panel.fluent(texts))


PSEUDOPARADETOX = Suite(
    name="pseudoparadetox",
    source="PseudoParaDetox, Findings of EMNLP 2024",
    sta=Slot("P(neutral) of the output, soft", "hf:s-nlp/roberta_toxicity_classifier#neutral"),
    sim=Slot("sigmoid of BLEURT(source, output); a copy has about 0.748", "hf:Elron/bleurt-large-128"),
    # In this model class 0 is the acceptable one, against the custom of CoLA, and its classes have no names.
    fl=Slot(
        "P(acceptable) of the output, soft",
        "hf:cointegrated/roberta-large-cola-krishna2020#acceptable=LABEL_0",
    ),
    measure=measure,
)
