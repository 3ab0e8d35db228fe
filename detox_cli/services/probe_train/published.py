"""The published training of a probe: a few epochs of Adam on ``Linear(d, 1, bias=False)`` with a sigmoid.

Li, Yong & Bach 2024 (arXiv 2406.16235), table 7: batches of 10, 20 epochs, learning rate 1e-4, and of these
epochs the one with the lowest validation loss. Their script runs the frozen model again in every epoch; here
its states are given.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How long, in what steps, and with which seed of the start and of the order."""

    epochs: int = 20
    batch_size: int = 10
    learning_rate: float = 1e-4
    seed: int = 0


@dataclass(frozen=True)
class Published:
    """The weights of the best epoch, ``[d]``, and the validation losses of all."""

    weights: Floats
    losses: tuple[float, ...]

    @property
    def epoch(self) -> int:
        """The best one, from 1."""
        return int(np.argmin(self.losses)) + 1


def train_published(
    features: NDArray[np.float32],
    labels: NDArray[np.bool_],
    held_out: NDArray[np.float32],
    held_out_labels: NDArray[np.bool_],
    recipe: Recipe,
) -> Published:
    """Train on states ``[n, d]`` and keep the epoch that is best on those held out.

    The published script draws the start before it sets its seed; here the seed decides start and order. A
    last batch of one text is a batch like any other (theirs ends with an error).
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    x, y = torch.from_numpy(np.array(features)), torch.from_numpy(labels.astype(np.float32))
    x_held, y_held = (
        torch.from_numpy(np.array(held_out)),
        torch.from_numpy(held_out_labels.astype(np.float32)),
    )
    bound = x.shape[1] ** -0.5
    weight = torch.empty(x.shape[1]).uniform_(-bound, bound, generator=generator).requires_grad_()
    optimizer = torch.optim.Adam([weight], lr=recipe.learning_rate)
    loss_of = torch.nn.BCELoss()
    losses, best = [], weight.detach().clone()
    for _ in range(recipe.epochs):
        order = torch.randperm(len(x), generator=generator)
        for batch in torch.split(order, recipe.batch_size):
            optimizer.zero_grad()
            loss_of(torch.sigmoid(x[batch] @ weight), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            losses.append(float(loss_of(torch.sigmoid(x_held @ weight), y_held)))
        if losses[-1] == min(losses):
            best = weight.detach().clone()
    return Published(best.double().numpy(), tuple(losses))
