"""The losses of ``train cmd`` against numbers that were computed elsewhere, and within their bounds."""

import math

import pytest
import torch

from detox_cli.models.contrast import anchored_contrast, masked_mean, preference, unlikelihood

ANCHOR = torch.tensor([[1.0, 2.0, 3.0]])
CANDIDATES = torch.tensor([[[1.0, 2, 2], [3, -1, 0], [-1, 0, 1], [0, 0, -2]]])
ALL = torch.ones(1, 4, dtype=torch.bool)


@pytest.mark.parametrize(("tau", "expected"), [(1, 0.753532), (0.5, 0.402225), (0.1, 0.00255585)])
def test_the_contrastive_loss_is_that_of_the_published_formula(tau, expected):
    assert float(anchored_contrast(ANCHOR, CANDIDATES, ALL, tau)) == pytest.approx(expected, rel=2e-6)


def test_the_contrastive_loss_keeps_its_bounds_and_needs_a_negative():
    torch.manual_seed(0)
    anchors, candidates = torch.randn(500, 3), torch.randn(500, 4, 3)
    losses = anchored_contrast(anchors, candidates, torch.ones(500, 4, dtype=torch.bool), 1.0)
    low, high = math.log(1 + 3 * math.exp(-2)), math.log(1 + 3 * math.exp(2))
    assert low <= float(losses.min()) < 0.5 and 2.5 < float(losses.max()) <= high
    same = anchors[:, None].expand(-1, 4, -1)
    assert anchored_contrast(anchors, same, torch.ones(500, 4, dtype=torch.bool), 1.0) == pytest.approx(
        torch.full((500,), math.log(4)), rel=1e-4
    )
    alone = torch.tensor([[True, False, False, False]])
    leaf = ANCHOR.clone().requires_grad_()
    loss = anchored_contrast(leaf, CANDIDATES, alone, 0.1).sum()
    loss.backward()
    assert loss.item() == 0 and not leaf.grad.any(), "an anchor without negatives contributes nothing"


def test_pooling_sees_what_counts_only():
    states = torch.tensor([[[1.0, 0], [3, 4], [9, 9]], [[5.0, 5], [0, 0], [0, 0]]])
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    assert masked_mean(states, mask).tolist() == [[2, 2], [0, 0]]


def test_preference_starts_at_ln_2_and_falls_as_the_gap_grows():
    gaps = torch.tensor([-3.0, 2.0])
    assert preference(gaps, gaps, 0.1).tolist() == pytest.approx([math.log(2)] * 2)
    assert float(preference(gaps + 5, gaps, 0.1)[0]) == pytest.approx(-math.log(1 / (1 + math.exp(-0.5))))


def test_unlikelihood_counts_the_tokens_that_are_meant():
    nats = -torch.tensor([[0.5, 0.2, 0.9], [1.0, 0.5, 0.5]]).log()
    counted = torch.tensor([[1, 1, 0], [1, 0, 0]])
    first, second = unlikelihood(nats, counted).tolist()
    assert first == pytest.approx(-(math.log(0.5) + math.log(0.8)) / 2)
    assert 10 < second < 20, "certainty costs much, and not infinitely"
