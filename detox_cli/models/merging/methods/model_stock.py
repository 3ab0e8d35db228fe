"""Model stock: how far to go from the base to the mean (Jang et al., ECCV 2024, arXiv 2403.19522)."""

import math

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.merging.block import Block, Numbers
from detox_cli.models.merging.consensus import sum_up
from detox_cli.models.merging.method import Method, Survey
from detox_cli.models.merging.settings import Values


def model_stock(block: Block, values: Values, survey: Survey) -> Numbers:
    """``t * mean + (1 - t) * base``, t by the angles between the task vectors of this tensor."""
    assert survey.products is not None
    share = np.float32(stock_ratio(survey.products))
    ones = (1.0,) * len(block.models)
    merged = sum_up(block.models, ones, float(share) / len(ones))
    merged += block.counted_from * (1 - share)
    return merged


def stock_ratio(products: NDArray[np.float64]) -> float:
    """``N cos / (1 + (N - 1) cos)`` with the mean cosine of all pairs (equation 8 of the paper, any N).

    Args:
        products: Inner products of the task vectors, ``[N, N]``. A zero vector has the cosine 0 with all.
    """
    lengths = np.sqrt(np.diag(products))
    count = len(lengths)
    pairs = [
        products[i, j] / (lengths[i] * lengths[j]) if lengths[i] * lengths[j] > 0 else 0.0
        for i in range(count)
        for j in range(i)
    ]
    cosine = math.fsum(pairs) / len(pairs)
    return count * cosine / (1 + (count - 1) * cosine)


MODEL_STOCK = Method("model_stock", model_stock, least=2, products="task vectors")
