"""One training of any kind: from a claimed output to a finished folder, over any number of kills between."""

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from accelerate import PartialState
from transformers import set_seed

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.licence import model_licence
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.card import Card, write_card
from detox_cli.runs.clock import steady_time
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import read_manifest, write_manifest
from detox_cli.runs.output import Claim, State, journal_path
from detox_cli.services.result import Result
from detox_cli.services.training.checkpoints import Keeping, tidy
from detox_cli.services.training.log import one_log
from detox_cli.services.training.processes import claimed, is_first, training_folder
from detox_cli.services.training.reading import RowSettings
from detox_cli.services.training.recipe import start_record
from detox_cli.services.training.resuming import Trained


class TrainingSettings(RowSettings, Protocol):
    """What every command that trains is told; its settings class says more."""

    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def revision(self) -> str | None: ...  # noqa: D102
    @property
    def overwrite(self) -> bool: ...  # noqa: D102
    @property
    def keep_best(self) -> int: ...  # noqa: D102
    @property
    def keep_checkpoints(self) -> bool: ...  # noqa: D102
    def model_dump(self, *, mode: str = ...) -> dict[str, Any]: ...  # noqa: D102
    def model_copy(self, *, update: Mapping[str, Any] | None = ...) -> Self: ...  # noqa: D102


S = TypeVar("S", bound=TrainingSettings)
D = TypeVar("D")
R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Run(Generic[S, D]):
    """What all parts of a run share.

    Attributes:
        command: The verb, such as ``train bart``.
        settings: Of the command.
        data: What is trained on, as the command has read it.
        source: The model that it starts from.
        claim: The output.
        progress: Told what happens.
        started: `steady_time` when it began.
    """

    command: str
    settings: S
    data: D
    source: ModelSource
    claim: Claim
    progress: Progress
    started: float

    def write_card(self, folder: Path, card: Card) -> None:
        """Write the card of the trained model, which has the licence that the model it starts from states."""
        write_card(folder, replace(card, licence=model_licence(self.source)))

    def describe(
        self, folder: Path, result: Result, inputs: Sequence[str], scorers: Mapping[str, str] | None = None
    ) -> None:
        """Write the manifest into ``folder``, from which `earlier_result` reads ``result`` again."""
        write_manifest(
            folder,
            command=self.command,
            settings=self.settings.model_dump(mode="json"),
            inputs=inputs,
            models={"start": start_record(self.source)},
            scorers=scorers or {},
            metrics=result.model_dump(mode="json", exclude={"files"}),
            started=self.started,
            fingerprint=self.claim.fingerprint,
        )


@dataclass(frozen=True)
class Learnt:
    """The end of a training.

    Attributes:
        trained: The trainer and its steps.
        keeping: Which checkpoints stay.
        save: Writes the folder; it takes the log and the whole weights, and is called by the first process.
    """

    trained: Trained
    keeping: Keeping
    save: Callable[[list[dict[str, Any]], Mapping[str, Any] | None], None]


@dataclass(frozen=True)
class Kind(Generic[S, D, R]):
    """What is particular to one of the trainings.

    Attributes:
        command: The verb, such as ``train bart``.
        result: What it reports.
        identity: A hash of what decides the trained weights: rows, start and settings.
        prepare: Loads model and rows, and hands back what trains; failing here leaves nothing behind.
    """

    command: str
    result: type[R]
    identity: Callable[[S, D, ModelSource], str]
    prepare: Callable[[Run[S, D]], Callable[[Journal | None], Learnt]]


def train_one(kind: Kind[S, D, R], settings: S, data: D, progress: Progress) -> R:
    """Train on ``data``, and write the model with its card and manifest to ``settings.output``.

    Raises:
        BadSettings: The output is taken, or the model cannot be used.
        Missing: The model or a scorer is not there.
    """
    started = steady_time()
    source = find_model(settings.model, settings.revision)
    identity = kind.identity(settings, data, source)
    at_work = journal_path(settings.output).exists()
    with claimed(settings.output, identity, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.stage("this run is finished already")
            if at_work and not keeps_checkpoints(settings):  # killed between its output and its last removal
                shutil.rmtree(training_folder(settings.output), ignore_errors=True)
        else:
            _train(kind, Run(kind.command, settings, data, source, claim, progress, started))
        return earlier_result(kind.result, settings.output)


def keeps_checkpoints(settings: TrainingSettings) -> bool:
    """Whether checkpoints stay when a run is finished."""
    return settings.keep_checkpoints or settings.keep_best > 0


def earlier_result(result: type[R], output: Path) -> R:
    """The result that the manifest of a finished run holds."""
    manifest = read_manifest(output)
    assert manifest is not None
    return result(files=[output], **manifest["metrics"])


def _train(kind: Kind[S, D, R], run: Run[S, D]) -> None:
    run.progress.stage(f"loading {run.source.name}")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    set_seed(run.settings.seed)
    learn = kind.prepare(run)
    journal = run.claim.open_journal() if is_first() else None
    try:
        learnt = learn(journal)
    except BaseException as error:
        _forget_if_idle(run, journal, at_fault=isinstance(error, BadData | BadSettings))
        raise
    weights = learnt.trained.whole_weights()
    if journal is not None:
        with journal:
            log = one_log(journal.records())
        learnt.save(log, weights)
        tidy(training_folder(run.settings.output), learnt.keeping)
        run.claim.finish()
    PartialState().wait_for_everyone()


def _forget_if_idle(run: Run[S, D], journal: Journal | None, at_fault: bool) -> None:
    """Leave nothing of a run that ends before its first record: the corrected command is another run.

    What a killed one has found out until then stays, unless the input is at fault.
    """
    folder = training_folder(run.settings.output)
    found = folder.exists() and any(folder.iterdir())
    if journal is None or len(journal) or (found and not at_fault):
        return
    journal.close()
    shutil.rmtree(folder, ignore_errors=True)
    run.claim.finish()
