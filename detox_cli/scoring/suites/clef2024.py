"""The automatic suite of CLEF/PAN TextDetox 2024, nine languages; FL is chrF against a reference."""

from detox_cli.scoring.chrf import sentence_chrf
from detox_cli.scoring.suites.panel import Floats, Panel, Texts
from detox_cli.scoring.suites.suite import Components, Slot, Suite


def combine(neutral: Floats, cosine: Floats, chrf: Floats) -> Components:
    """STA = P(neutral), SIM = cosine, FL = chrF / 100 (chrF from 0 to 100)."""
    return Components(neutral, cosine, chrf / 100)


def measure(texts: Texts, panel: Panel) -> Components:
    """Measure outputs against their sources and references."""
    pairs = list(zip(texts.sources, texts.outputs, strict=True))
    return combine(
        panel.neutral(texts.outputs), panel.similar(pairs), sentence_chrf(texts.outputs, texts.references)
    )


CLEF2024 = Suite(
    name="clef2024",
    source="CLEF/PAN TextDetox 2024, automatic evaluation",
    sta=Slot("P(neutral) of the output, soft", "hf:textdetox/xlmr-large-toxicity-classifier#neutral"),
    sim=Slot("LaBSE cosine of source and output", "hf:sentence-transformers/LaBSE#pooler"),
    fl=Slot("sentence chrF of output and reference / 100", kind="formula"),
    measure=measure,
    needs_references=True,
)
