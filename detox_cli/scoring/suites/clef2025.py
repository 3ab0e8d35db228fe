"""The automatic suite of CLEF/PAN TextDetox 2025, 15 languages; STA looks at source and reference too."""

import numpy as np

from detox_cli.scoring.suites.panel import Floats, Panel, Texts
from detox_cli.scoring.suites.suite import Components, Slot, Suite

SOURCE_WEIGHT, REFERENCE_WEIGHT = 0.4, 0.6


def relative_sta(source: Floats, output: Floats, reference: Floats) -> Floats:
    """max(1[p(ref) <= p(out)], (p(out) + 1[p(src) <= p(out)]) / 2) with p = P(neutral), each of shape [n].

    An output no more toxic than the reference gets 1; a copy of the source gets at least .5.
    """
    as_good_as_reference = (reference <= output).astype(np.float64)
    against_source = (output + (source <= output)) / 2
    return np.maximum(as_good_as_reference, against_source)


def combine(
    source: Floats,
    output: Floats,
    reference: Floats,
    to_source: Floats,
    to_reference: Floats,
    fluency: Floats,
) -> Components:
    """STA as above; SIM = .4 cos(source, output) + .6 cos(reference, output); FL as scored.

    Args:
        source: P(neutral) of the sources. Likewise ``output`` and ``reference``.
        output: See ``source``.
        reference: See ``source``.
        to_source: Cosine of source and output. Likewise ``to_reference``.
        to_reference: See ``to_source``.
        fluency: XCOMET of (source, output, reference).
    """
    similarity = SOURCE_WEIGHT * to_source + REFERENCE_WEIGHT * to_reference
    return Components(relative_sta(source, output, reference), similarity, fluency)


def measure(texts: Texts, panel: Panel) -> Components:
    """Measure outputs against their sources and references."""
    # One call for all three, so that equal texts have equal probabilities to the last bit: <= depends on it.
    neutral = panel.neutral([*texts.sources, *texts.outputs, *texts.references])
    source, output, reference = np.split(neutral, 3)
    pairs = [
        *zip(texts.sources, texts.outputs, strict=True),
        *zip(texts.references, texts.outputs, strict=True),
    ]
    to_source, to_reference = np.split(panel.similar(pairs), 2)
    return combine(source, output, reference, to_source, to_reference, panel.fluent(texts))


CLEF2025 = Suite(
    name="clef2025",
    source="CLEF/PAN TextDetox 2025, automatic evaluation",
    sta=Slot(
        "max(1[p(ref) <= p(out)], (p(out) + 1[p(src) <= p(out)]) / 2), p = P(neutral)",
        "hf:textdetox/xlmr-large-toxicity-classifier-v2#neutral=LABEL_0",
    ),
    sim=Slot(".4 LaBSE cosine to the source + .6 to the reference", "hf:sentence-transformers/LaBSE#pooler"),
    fl=Slot("XCOMET of source, output and reference", "comet:myyycroft/XCOMET-lite"),
    measure=measure,
    needs_references=True,
)
