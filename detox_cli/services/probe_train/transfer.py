"""Does a direction that was learnt in one language hold in another?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from detox_cli.output.progress import Progress
from detox_cli.services.eval_calibrate.labels import Labelled
from detox_cli.services.probe.states import States
from detox_cli.services.probe_train.fitting import Part, fit_probe
from detox_cli.services.probe_train.splitting import Split
from detox_cli.settings.probe_train import ProbeTrainSettings
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.ranking import auroc

ALL = "all"
LEAST = 5
"""Fewest texts of each label to train on, or to measure on."""


class Transfer(BaseModel):
    """A probe of one language on the test texts of another."""

    model_config = ConfigDict(frozen=True)

    trained: str = Field(description="Language of the training texts; all is every language.")
    tested: str
    texts: int = Field(description="Training texts.")
    auroc: Estimate


def transfers(
    settings: ProbeTrainSettings,
    rows: Sequence[Labelled],
    states: States,
    split: Split,
    l2: float | None,
    progress: Progress,
) -> list[Transfer]:
    """Every language's probe on every language; nothing where texts are in one language only.

    Languages with fewer than five texts of a label on a side are left out of that side, and named.
    """
    toxic = np.array([row.toxic for row in rows], dtype=bool)
    spoken = np.array([row.lang for row in rows])
    names = sorted(set(spoken.tolist()))
    if len(names) < 2:
        return []
    masks = {ALL: np.ones(len(rows), dtype=bool), **{name: spoken == name for name in names}}
    can_train = [name for name in masks if _enough(toxic, split.train & masks[name])]
    can_train = [name for name in can_train if _enough(toxic, split.validation & masks[name], 1)]
    can_test = [name for name in names if _enough(toxic, split.test & masks[name])]
    if lacking := sorted({*names} - {*can_train} | {*names} - {*can_test}):
        progress.warn(f"too few labelled texts to train or test a probe in {', '.join(lacking)}")

    def part(mask: NDArray[np.bool_]) -> Part:
        return Part(states[mask], toxic[mask])

    found = []
    with progress.task("languages", len(can_train)) as task:
        for trained in can_train:
            mine = part(split.train & masks[trained])
            fit = fit_probe(settings, mine, part(split.validation & masks[trained]), l2).fit
            for tested in can_test:
                theirs = part(split.test & masks[tested])
                one = auroc(fit.scores(theirs.states), theirs.labels)
                found.append(Transfer(trained=trained, tested=tested, texts=len(mine.labels), auroc=one))
            task.advance()
    return found


def _enough(toxic: NDArray[np.bool_], mask: NDArray[np.bool_], least: int = LEAST) -> bool:
    return bool((toxic & mask).sum() >= least and (~toxic & mask).sum() >= least)
