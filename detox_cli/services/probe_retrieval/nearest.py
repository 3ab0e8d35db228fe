"""Which sentence lies nearest to which: retrieval among all candidates of the other language."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.statistics.bootstrap import Estimate, drawn_counts

Floats = NDArray[np.float64]

MEASURES = (
    *("p1", "p1_from_pivot", "p1_to_pivot", "mrr"),
    *("p1_centred", "p1_centred_from_pivot", "p1_centred_to_pivot", "mrr_centred"),
    *("p1_csls", "p1_csls_centred", "cosine", "cosine_centred"),
)
"""What is measured of each sentence pair; those without a direction are the mean of both."""


@dataclass(frozen=True)
class Found:
    """What one place of a model does with n pairs: every measure, pair by pair, ``[n]``."""

    values: dict[str, Floats]


def retrieval(pivot: NDArray[np.floating], other: NDArray[np.floating], neighbours: int) -> Found:
    """Retrieve each of n sentences' translations by cosine among all n, in both directions.

    ``p1`` is 1 where the translation is the nearest candidate (a tie counts as a miss), ``mrr`` one over its
    rank. CSLS takes the mean similarity to the k nearest candidates off on both sides, so that hubs are no
    longer near to everything (Conneau et al., ICLR 2018, equation 4). Centred, each language's mean over its
    sentences is subtracted first, which takes off what only says which language it is (Libovický et al.,
    Findings of EMNLP 2020). ``cosine`` is the similarity of the pair itself, which says nothing about other
    sentences: the published code prints its mean as "retrieval accuracy".

    Args:
        pivot: States ``[n, d]``.
        other: States of the translations, in the same order, ``[n, d]``.
        neighbours: k of CSLS.
    """
    found: dict[str, Floats] = {}
    for suffix, centred in (("", False), ("_centred", True)):
        near = _unit(pivot, centred) @ _unit(other, centred).T
        forth, back = _ranks(near), _ranks(near.T)
        found[f"p1{suffix}_from_pivot"], found[f"p1{suffix}_to_pivot"] = _first(forth), _first(back)
        found[f"p1{suffix}"] = (_first(forth) + _first(back)) / 2
        found[f"mrr{suffix}"] = (1 / forth + 1 / back) / 2
        scaled = 2 * near - _usual(near, neighbours)[:, None] - _usual(near.T, neighbours)[None, :]
        found[f"p1_csls{suffix}"] = (_first(_ranks(scaled)) + _first(_ranks(scaled.T))) / 2
        found[f"cosine{suffix}"] = np.diagonal(near).copy()
    return Found({name: found[name] for name in MEASURES})


def intervals(columns: Sequence[Floats], seed: int, resamples: int) -> list[Estimate]:
    """The means of columns of the same n rows, each with its 95 % interval; rows are drawn together."""
    table = np.stack(columns, axis=1)
    drawn = np.concatenate([counts @ table for counts in drawn_counts(len(table), seed, resamples)])
    low, high = np.quantile(drawn / len(table), (0.025, 0.975), axis=0)
    return [
        Estimate(float(mean), float(one), float(other), len(table))
        for mean, one, other in zip(table.mean(axis=0), low, high, strict=True)
    ]


def _unit(states: NDArray[np.floating], centred: bool) -> Floats:
    numbers = np.asarray(states, dtype=np.float64)
    if centred:
        numbers = numbers - numbers.mean(axis=0)
    lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
    return np.asarray(numbers / np.where(lengths > 0, lengths, 1.0))


def _ranks(near: Floats) -> Floats:
    """The rank of the diagonal in its row, from 1; candidates that are as near are before it."""
    own = np.diagonal(near)[:, None]
    return np.asarray((near >= own).sum(axis=1), dtype=np.float64)


def _first(ranks: Floats) -> Floats:
    return np.asarray(ranks == 1, dtype=np.float64)


def _usual(near: Floats, neighbours: int) -> Floats:
    """The mean similarity of each row to its nearest candidates."""
    k = min(neighbours, near.shape[1])
    return np.asarray(np.partition(near, -k, axis=1)[:, -k:].mean(axis=1))
