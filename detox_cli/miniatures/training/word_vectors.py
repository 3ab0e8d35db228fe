"""Word vectors from co-occurrence: a start for small encoders that costs a minute, not a pre-training run."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import svds


def cooccurrence(rows: Iterable[Sequence[int]], size: int, window: int = 6) -> sparse.csr_matrix:
    """Symmetric counts of two pieces within ``window`` positions, weighted by one over their distance."""
    stream = np.concatenate([np.concatenate([np.asarray(row), np.full(window, -1)]) for row in rows])
    counts = sparse.csr_matrix((size, size), dtype=np.float32)
    for distance in range(1, window + 1):
        left, right = stream[:-distance], stream[distance:]
        kept = (left >= 0) & (right >= 0)
        weights = np.full(int(kept.sum()), 1 / distance, dtype=np.float32)
        counts = counts + sparse.csr_matrix((weights, (left[kept], right[kept])), shape=(size, size))
    return sparse.csr_matrix(counts + counts.T)


def ppmi_vectors(rows: Iterable[Sequence[int]], size: int, width: int, seed: int = 0) -> torch.Tensor:
    """Vectors (size, width) with unit mean square from the truncated SVD of shifted positive PMI.

    Context counts are smoothed with exponent 0.75 and singular values enter with exponent 0.5
    (Levy, Goldberg and Dagan 2015, doi:10.1162/tacl_a_00134).
    """
    counts = cooccurrence(rows, size).tocoo()
    occurrences = np.asarray(counts.sum(axis=1)).ravel() + 1e-9
    context = occurrences**0.75
    pmi = np.log(counts.data * context.sum() / (occurrences[counts.row] * context[counts.col]))
    positive = sparse.csr_matrix((np.maximum(pmi, 0), (counts.row, counts.col)), shape=(size, size))
    start = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    left, values, _ = svds(positive.astype(np.float32), k=width, v0=start)
    vectors = torch.from_numpy((left * np.sqrt(values)).copy()).float()
    return vectors / vectors.pow(2).mean().sqrt()
