"""Samples follow the truncated distribution of transformers, and belong to their row alone."""

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from detox_cli.generation.requests import Sampling
from detox_cli.generation.sampling import choose_tokens, uniforms

DRAWS = 40_000
VOCABULARY = 1500


def peaked_logits() -> torch.Tensor:
    return torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(3)) * 2.5


def wanted_probabilities(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    scores = TemperatureLogitsWarper(sampling.temperature)(None, logits[None])
    if sampling.top_k:
        scores = TopKLogitsWarper(sampling.top_k)(None, scores)
    if sampling.top_p < 1:
        scores = TopPLogitsWarper(sampling.top_p)(None, scores)
    return scores.softmax(-1)[0]


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=1.0, top_p=1.0),
        Sampling(temperature=0.7, top_p=0.9),
        Sampling(temperature=2.0, top_p=0.95),
        Sampling(temperature=1.0, top_p=0.3),
        Sampling(temperature=1.5, top_p=0.49),
        Sampling(temperature=1.0, top_p=1.0, top_k=5),
        Sampling(temperature=1.0, top_p=0.8, top_k=40),
    ],
    ids=lambda s: f"t{s.temperature}-p{s.top_p}-k{s.top_k}",
)
def test_samples_follow_the_truncated_distribution(sampling):
    logits = peaked_logits()
    wanted = wanted_probabilities(logits, sampling).double()
    numbers = uniforms([(11, 0)], DRAWS)[0]
    tokens = choose_tokens(logits.expand(DRAWS, -1), numbers, sampling)
    counts = torch.bincount(tokens, minlength=VOCABULARY).double()
    assert counts[wanted == 0].sum() == 0
    expected = wanted * DRAWS
    common = expected > 5
    chi_squared = ((counts - expected)[common] ** 2 / expected[common]).sum()
    freedom = int(common.sum())
    assert chi_squared < freedom + 5 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("top_p", [0.2, 0.6, 0.9, 1.0])
def test_a_row_does_not_feel_its_neighbours(top_p):
    logits = torch.randn(64, VOCABULARY, generator=torch.Generator().manual_seed(5)) * 3
    numbers = uniforms([(seed, 0) for seed in range(64)], 1)[:, 0]
    sampling = Sampling(temperature=1.0, top_p=top_p)
    together = choose_tokens(logits, numbers, sampling)
    alone = [choose_tokens(logits[i : i + 1], numbers[i : i + 1], sampling).item() for i in range(64)]
    assert together.tolist() == alone


def test_uniform_numbers_are_a_function_of_seed_and_sample():
    block = uniforms([(7, 0), (7, 1), (8, 0), (-1, 0)], 4)
    assert torch.equal(block[1], uniforms([(7, 1)], 4)[0])
    assert torch.equal(block[0, :2], uniforms([(7, 0)], 2)[0])
    assert len({tuple(row.flatten().tolist()) for row in block}) == 4
    assert block.min() >= 0 and block.max() < 1


@pytest.mark.parametrize("top_p", [0.3, 0.9, 1.0])
def test_the_largest_uniform_number_still_chooses_a_token_with_mass(top_p):
    logits = torch.full((1, 50), -1e9)
    logits[0, 4], logits[0, 9] = 1.0, 2.0
    numbers = torch.full((1, 5), 1 - 2**-53, dtype=torch.float64)
    chosen = choose_tokens(logits, numbers, Sampling(temperature=1.0, top_p=top_p)).item()
    assert chosen in (4, 9)


@pytest.mark.parametrize("top_p", [0.3, 0.6])
@pytest.mark.parametrize("alike", [3, 100], ids=["few", "more-than-are-sorted-first"])
def test_tokens_as_likely_as_the_last_of_the_nucleus_are_in_it(top_p, alike):
    logits = torch.full((2000, 300), -20.0)
    logits[:, :alike] = 1.0
    numbers = uniforms([(3, 0)], 2000)[0]
    chosen = choose_tokens(logits, numbers, Sampling(temperature=1.0, top_p=top_p))
    assert set(chosen.tolist()) == set(range(alike))


def test_temperature_zero_is_greedy():
    logits = torch.tensor([[0.0, 3.0, 1.0], [5.0, 3.0, 1.0]])
    assert choose_tokens(logits, None, Sampling(temperature=0)).tolist() == [1, 0]
