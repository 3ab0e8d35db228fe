"""Several trainings of one kind that end in one folder, such as those of several seeds or parts of the data.

Until all are there the finished ones wait in ``OUTPUT.training``; a killed run goes on within the one that it
was at.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from accelerate import PartialState

from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.clock import steady_time
from detox_cli.runs.output import Claim, State, journal_path
from detox_cli.services.result import Result
from detox_cli.services.row_output import rejects_path
from detox_cli.services.training.apart import Crew
from detox_cli.services.training.processes import claimed, is_first, training_folder
from detox_cli.services.training.reading import seed_of_split
from detox_cli.services.training.single_run import (
    D,
    Kind,
    R,
    Run,
    S,
    TrainingSettings,
    earlier_result,
    keeps_checkpoints,
    train_one,
)
from detox_cli.services.training.waiting import remove_waiting

W = TypeVar("W", bound=Result)


@dataclass(frozen=True)
class Member(Generic[S, D]):
    """One of several trainings; the name of its output is that of its folder in the output of all."""

    words: str
    settings: S
    data: D


def member_settings(settings: S, name: str, **own: object) -> S:
    """Settings of one of several: its own place, the split and the list of unusable rows of all."""
    shared = {
        "split_seed": seed_of_split(settings),
        "output": training_folder(settings.output) / name,
        "rejects": rejects_path(settings.rejects, str(settings.output)),
        "overwrite": False,
    }
    return settings.model_copy(update=shared | own)


def train_several(
    kind: Kind[S, D, R],
    settings: S,
    data: D,
    members: Sequence[Member[S, D]],
    assemble: Callable[[Run[S, D], Path, list[R]], None],
    result: type[W],
    progress: Progress,
    crew: Crew | None = None,
) -> W:
    """Train every one, then put all into ``settings.output``.

    Args:
        kind: Of each training.
        settings: Of the whole run.
        data: Of the whole run.
        members: What each training is.
        assemble: Fills the folder of all, beside the members' folders, from their results in their order.
        result: What ``assemble`` has put into the manifest.
        progress: Told what happens.
        crew: The processes that share the trainings; each does every ``crew.size``-th one.
    """
    crew = crew or Crew()
    if crew.rank:
        _help(kind, members, crew)
        return earlier_result(result, settings.output)
    started = steady_time()
    source = find_model(settings.model, settings.revision)
    identity = kind.identity(settings, data, source)
    at_work = journal_path(settings.output).exists()
    with claimed(settings.output, identity, overwrite=settings.overwrite) as claim:
        crew.say("state", claim.state.name)
        if claim.state is State.FINISHED:
            progress.stage("this run is finished already")
            if at_work:  # killed between its output and its last removal
                _remove_waiting(settings, members)
            return earlier_result(result, settings.output)
        with _begun(settings, members, claim):
            _train_own(kind, members, progress, crew)
            for other in range(1, crew.size):
                crew.hear(f"{other} is done")
        if is_first():
            run = Run(kind.command, settings, data, source, claim, progress, started)
            with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
                results = [earlier_result(kind.result, member.settings.output) for member in members]
                assemble(run, folder, results)
            _remove_waiting(settings, members)
            claim.finish()
        crew.say("all is done")
        PartialState().wait_for_everyone()
        return earlier_result(result, settings.output)


def _remove_waiting(settings: TrainingSettings, members: Sequence[Member[S, D]]) -> None:
    names = [one.settings.output.name for one in members]
    remove_waiting(settings.output, names, keep=keeps_checkpoints(settings))


@contextmanager
def _begun(settings: TrainingSettings, members: Sequence[Member[S, D]], claim: Claim) -> Iterator[None]:
    """An open journal, which tells a later run that this one has begun; none if it fails before it has."""
    if not is_first():
        yield
        return
    waiting = training_folder(settings.output)
    with claim.open_journal():
        try:
            yield
        except BaseException:
            if not any(waiting.glob(f"{member.settings.output.name}*") for member in members):
                shutil.rmtree(waiting, ignore_errors=True)
                claim.finish()
            raise


def _help(kind: Kind[S, D, R], members: Sequence[Member[S, D]], crew: Crew) -> None:
    """What the other processes do: their own, and wait for the first one."""
    if crew.hear("state") != State.FINISHED.name:
        _train_own(kind, members, Silent(), crew)
        crew.say(f"{crew.rank} is done")
        crew.hear("all is done")


def _train_own(kind: Kind[S, D, R], members: Sequence[Member[S, D]], progress: Progress, crew: Crew) -> None:
    for number, member in list(enumerate(members, start=1))[crew.rank :: crew.size]:
        progress.stage(f"{member.words}, {number} of {len(members)}")
        train_one(kind, member.settings, member.data, progress)
