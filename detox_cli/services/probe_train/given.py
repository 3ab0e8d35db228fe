"""What ``probe train`` is given: labelled texts, a model, and which texts do what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.eval_calibrate.labels import Labelled, Reading, read_labelled
from detox_cli.services.probe_train.splitting import Bools, Split, split
from detox_cli.settings.probe_train import ProbeTrainSettings

NOT_DECISIVE = {
    *("data", "test", "output", "overwrite", "rejects", "strict", "limit", "password", "features"),
    *("device", "batch_tokens"),
}
"""Settings that do not change the outcome; of the files the rows count."""
LEAST = 10
"""Fewest texts of either label."""


@dataclass(frozen=True)
class Given:
    """The labelled texts, which of them the user gives to measure on, and what decides the outcome."""

    rows: list[Labelled]
    tested: Bools
    source: ModelSource
    fingerprint: str

    @property
    def toxic(self) -> Bools:
        """The label of every text, ``[n]``."""
        return np.array([row.toxic for row in self.rows], dtype=bool)


def given_of(settings: ProbeTrainSettings, rejects: Rejects) -> Given:
    """Read the labelled texts, and find the model.

    Raises:
        BadData: They cannot be read, or there are too few of a label.
        Missing: There is no such model or file.
    """
    how = Reading(
        settings.text_column,
        settings.label_column,
        settings.lang,
        settings.toxic_from,
        settings.limit,
        settings.password,
    )
    data = [one for file in settings.data for one in read_labelled(file, how, rejects)]
    test = [one for file in settings.test for one in read_labelled(file, how, rejects)]
    rows, tested = [*data, *test], np.array([False] * len(data) + [True] * len(test))
    if settings.languages:
        spoken = [_is_of(row.lang, settings.languages) for row in rows]
        rows = [row for row, wanted in zip(rows, spoken, strict=True) if wanted]
        tested = tested[spoken]
    toxic = sum(row.toxic for row in rows)
    if min(toxic, len(rows) - toxic) < LEAST:
        raise BadData(
            f"{toxic} texts are toxic and {len(rows) - toxic} are not; {LEAST} of each are the least",
            where="--data",
            hint="give more labelled texts, or see --toxic-from, --label-column and --languages",
        )
    source = find_model(settings.model, settings.revision)
    decisive = fingerprint(
        command="probe train",
        rows=[(one.id, one.text, one.lang, one.toxic, one.parallel) for one in rows],
        tested=len(test),
        settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
        model=[source.revision, source.fingerprint],
    )
    return Given(rows, tested, source, decisive)


def _is_of(lang: str, wanted: Sequence[str]) -> bool:
    return bool({lang, lang.partition("-")[0]} & {code.lower() for code in wanted})


def parts_of(settings: ProbeTrainSettings, given: Given) -> Split:
    """Which texts are trained on, choose and measure; known before the model reads anything.

    Raises:
        BadData: A part has one label only.
    """
    parts = split(given.rows, given.tested, settings.test_share, settings.validation_share, settings.seed)
    for name, mask in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        there = given.toxic[mask]
        if there.all() or not there.any():
            raise BadData(
                f"the {name} part of {len(there)} texts has one label only",
                where="--data",
                hint="give more texts of both labels, or other shares: --test-share, --validation-share",
            )
    return parts
