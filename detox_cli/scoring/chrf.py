"""chrF of sentences, as sacrebleu computes it: character 6-grams, no word n-grams, beta 2."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import CHRF


def sentence_chrf(outputs: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """chrF of each output against its one reference, 0 to 100, in order; 0 where either is empty."""
    metric = CHRF()
    scores = [
        float(metric.sentence_score(output, [reference]).score)
        if output.strip() and reference.strip()
        else 0.0
        for output, reference in zip(outputs, references, strict=True)
    ]
    return np.asarray(scores, dtype=np.float64)
