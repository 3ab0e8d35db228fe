"""A probe at one place of a model, by one of four methods."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detox_cli.services.probe_train.published import Recipe, train_published
from detox_cli.settings.probe_train import ProbeTrainSettings
from detox_cli.statistics.discriminant import along, discriminant, mean_difference
from detox_cli.statistics.logistic import Fit, Standardised, class_weights, fit_logistic

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """Some texts at one place: states ``[n, d]`` and labels ``[n]``."""

    states: Floats32
    labels: Bools


@dataclass(frozen=True)
class Fitted:
    """A probe, and what chose it.

    Attributes:
        fit: The weights.
        loss: On the validation texts, with classes weighted as in training.
        l2: The penalty, of a logistic regression.
        epoch: The best one, from 1, of the published training.
    """

    fit: Fit
    loss: float
    l2: float | None = None
    epoch: int | None = None


def fit_probe(settings: ProbeTrainSettings, train: Part, validation: Part, l2: float | None = None) -> Fitted:
    """Fit a probe; a penalty that is given is not chosen again."""
    if settings.method == "published":
        return _published(settings, train, validation)
    if settings.method != "logistic":
        find = mean_difference if settings.method == "mean-difference" else discriminant
        fit = along(train.states, train.labels, find(train.states, train.labels), _balanced(settings))
        return Fitted(fit, _loss(fit, validation, _balanced(settings)))
    features = Standardised(train.states)
    weights = class_weights(train.labels, _balanced(settings))
    found: list[Fitted] = []
    before: Fit | None = None
    for penalty in sorted({l2} if l2 is not None else set(settings.l2), reverse=True):
        before = fit_logistic(features, train.labels, penalty, weights=weights, start=before)
        found.append(Fitted(before, _loss(before, validation, _balanced(settings)), penalty))
    return min(found, key=lambda one: one.loss)


def _balanced(settings: ProbeTrainSettings) -> bool:
    return settings.class_weight == "balanced"


def _published(settings: ProbeTrainSettings, train: Part, validation: Part) -> Fitted:
    recipe = Recipe(settings.epochs, settings.batch_size, settings.learning_rate, settings.seed)
    found = train_published(train.states, train.labels, validation.states, validation.labels, recipe)
    d = len(found.weights)
    fit = Fit(found.weights, 0.0, np.zeros(d), np.ones(d), np.nan, np.nan, converged=False)
    return Fitted(fit, min(found.losses), epoch=found.epoch)


def _loss(fit: Fit, part: Part, balanced: bool) -> float:
    signs = np.where(part.labels, 1.0, -1.0)
    losses = np.logaddexp(0.0, -signs * fit.scores(part.states))
    return float(np.average(losses, weights=class_weights(part.labels, balanced)))
