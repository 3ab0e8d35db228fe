"""One model for each part of the texts, and the folder that holds them all."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from accelerate import PartialState

from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.card import write_card
from detox_cli.runs.output import Claim, State
from detox_cli.services.train_lm.data import Texts, rejects_path, seed_of_split
from detox_cli.services.train_lm.folder import Finished, describe, expert_card
from detox_cli.services.train_lm.parts import Overlap, Part, cut, overlap
from detox_cli.services.train_lm.result import LmResult
from detox_cli.services.train_lm.single import earlier_result, identity_of, train_one
from detox_cli.services.training.apart import Crew
from detox_cli.services.training.processes import claimed, is_first, training_folder
from detox_cli.services.training.waiting import put_into, remove_waiting
from detox_cli.settings.train_lm import LmSettings


def train_parts(settings: LmSettings, texts: Texts, progress: Progress, crew: Crew) -> LmResult:
    """Train one model on each part, then put all into ``settings.output``.

    Until then the finished ones wait in ``OUTPUT.training``; a killed run goes on within its part. The
    held-out texts are the same for all parts, and in none of them.

    Args:
        settings: Of the run.
        texts: All texts.
        progress: Told what happens.
        crew: The processes that share the parts; each trains every ``crew.size``-th part.
    """
    parts = cut(texts.training, settings.split)
    if crew.rank:
        return _help(settings, texts, parts, crew)
    started = time.time()
    source = find_model(settings.model, settings.revision)
    identity = identity_of(settings, texts, source)
    with claimed(settings.output, identity, overwrite=settings.overwrite) as claim:
        crew.say("state", claim.state.name)
        if claim.state is State.FINISHED:
            progress.stage("this run is finished already")
            return earlier_result(settings)
        found = overlap(parts, texts.held_out)
        with _begun(settings, claim):
            _train_own(settings, texts, parts, progress, crew)
            for other in range(1, crew.size):
                crew.hear(f"{other} is done")
        if is_first():
            _assemble(settings, texts, found, source, claim.fingerprint, started)
            keep = bool(settings.keep_checkpoints or settings.keep_best)
            remove_waiting(settings.output, names_of(settings), keep=keep)
            claim.finish()
        crew.say("all is done")
        PartialState().wait_for_everyone()
        return earlier_result(settings)


@contextmanager
def _begun(settings: LmSettings, claim: Claim) -> Iterator[None]:
    """An open journal, which tells a later run that this one has begun; none if it fails before it has."""
    if not is_first():
        yield
        return
    waiting = training_folder(settings.output)
    with claim.open_journal():
        try:
            yield
        except BaseException:
            if not any(waiting.glob("part-*")):
                shutil.rmtree(waiting, ignore_errors=True)
                claim.finish()
            raise


def _help(settings: LmSettings, texts: Texts, parts: Sequence[Part], crew: Crew) -> LmResult:
    """What the other processes do: their parts, and wait for the first one."""
    if crew.hear("state") != State.FINISHED.name:
        _train_own(settings, texts, parts, Silent(), crew)
        crew.say(f"{crew.rank} is done")
        crew.hear("all is done")
    return earlier_result(settings)


def _train_own(
    settings: LmSettings, texts: Texts, parts: Sequence[Part], progress: Progress, crew: Crew
) -> None:
    for part in parts[crew.rank :: crew.size]:
        progress.stage(f"part {part.number}, {part.number + 1} of {len(parts)}")
        train_one(settings_of_part(settings, part.number), replace(texts, training=part.texts), progress)


def settings_of_part(settings: LmSettings, number: int) -> LmSettings:
    """One training of several: its own place, the split of all, and the same seed, as published."""
    own = {
        "split": 1,
        "split_seed": seed_of_split(settings),
        "output": training_folder(settings.output) / f"part-{number}",
        "rejects": rejects_path(settings),
        "overwrite": False,
    }
    return settings.model_copy(update=own)


def names_of(settings: LmSettings) -> list[str]:
    """The folders of the parts in the output."""
    return [f"part-{number}" for number in range(settings.split)]


def summary(settings: LmSettings, texts: Texts, found: Overlap) -> LmResult:
    """What the finished trainings have in common, and each of them."""
    results = [earlier_result(settings_of_part(settings, number)) for number in range(settings.split)]
    experts = [
        result.experts[0].model_copy(update={"folder": folder})
        for folder, result in zip(names_of(settings), results, strict=True)
    ]
    return LmResult(
        files=[settings.output],
        rows=texts.counts,
        files_read=texts.files,
        chosen=texts.choice.words,
        clean=texts.choice.clean,
        model=settings.model,
        risen=settings.ascent,
        experts=experts,
        overlap=found,
    )


def _assemble(
    settings: LmSettings,
    texts: Texts,
    found: Overlap,
    source: ModelSource,
    fingerprint: str,
    started: float,
) -> None:
    """The folder of all parts, with card and manifest."""
    result = summary(settings, texts, found)
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        put_into(folder, [training_folder(settings.output) / name for name in names_of(settings)])
        write_card(folder, expert_card(settings, result))
        describe(settings, folder, source, Finished(result, (), fingerprint, started))
