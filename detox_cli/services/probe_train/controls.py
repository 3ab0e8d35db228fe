"""What a probe is held against: fits on shuffled labels, and directions by chance.

A probe that reads a label must beat both: on shuffled labels the same fit finds what its freedom alone can
find (control tasks of Hewitt & Liang, EMNLP 2019), and a direction by chance finds what any projection of the
states would, such as the length of a text.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.output.progress import Progress
from detox_cli.services.probe_train.figures import area
from detox_cli.services.probe_train.fitting import Part, fit_probe
from detox_cli.settings.probe_train import ProbeTrainSettings
from detox_cli.statistics.bootstrap import Estimate, mean_interval
from detox_cli.statistics.logistic import standardisation

Floats = NDArray[np.float64]


class Control(BaseModel):
    """AUROCs of probes that know nothing, on the same test texts."""

    model_config = ConfigDict(frozen=True)

    mean: Estimate = Field(description="With n the number of draws.")
    largest: float


def shuffled_labels(
    settings: ProbeTrainSettings,
    train: Part,
    validation: Part,
    test: Part,
    l2: float | None,
    progress: Progress,
) -> Control | None:
    """The chosen fit again, on labels in a random order; ``None`` where none was asked for.

    Args:
        settings: How probes are fitted, and how often this is done.
        train: Whose labels are shuffled.
        validation: Whose labels are shuffled too.
        test: Whose labels are the true ones.
        l2: The penalty of the chosen probe.
        progress: Counts fits.
    """
    generator, found = np.random.default_rng(settings.seed), []
    with progress.task("fits on shuffled labels", settings.controls) as task:
        for _ in range(settings.controls):
            mine, theirs = (
                Part(part.states, generator.permutation(part.labels)) for part in (train, validation)
            )
            fit = fit_probe(settings, mine, theirs, l2).fit
            found.append(area(fit.scores(test.states), test.labels))
            task.advance()
    return _control(found, settings)


def random_directions(settings: ProbeTrainSettings, train: Part, test: Part) -> Control | None:
    """Directions by chance among standardised states, each with the sign that suits it on the test texts.

    The sign is chosen in their favour, so their mean lies above .5.
    """
    if not settings.random_directions:
        return None
    _, scale = standardisation(train.states)
    generator = np.random.default_rng(settings.seed)
    drawn = generator.normal(size=(settings.random_directions, len(scale))) / scale
    scores = np.asarray(test.states @ drawn.T.astype(np.float32), dtype=np.float64)
    areas = [area(column, test.labels) for column in scores.T]
    return _control([max(one, 1 - one) for one in areas], settings)


def _control(areas: list[float], settings: ProbeTrainSettings) -> Control | None:
    if not areas:
        return None
    return Control(mean=mean_interval(areas, settings.seed, settings.resamples), largest=max(areas))
