"""What is at the place where a run is to write, and what that means for the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from detox_cli.errors import BadData, BadSettings
from detox_cli.runs.journal import Journal
from detox_cli.runs.lock import output_lock, unwritable
from detox_cli.runs.manifest import manifest_path, output_record, read_manifest

MODELS = ("config.json", "adapter_config.json")
"""By which a folder is one of a model or of an adapter."""


class State(Enum):
    """What an earlier run has left at an output."""

    FRESH = "nothing"
    RESUMABLE = "a journal of the same run"
    FINISHED = "the finished output of the same run"


@dataclass(frozen=True)
class Claim:
    """An output that this process may write, and the place of its journal."""

    path: Path
    fingerprint: str
    state: State

    def open_journal(self) -> Journal:
        """The journal of this run; it has records if ``state`` is ``RESUMABLE``."""
        return Journal(journal_path(self.path), self.fingerprint)

    @contextmanager
    def resumable_work(self) -> Iterator[Journal]:
        """The journal of this run while it works.

        A run that fails before its first record leaves none: there is nothing to go on from, and the
        corrected command would be another run.
        """
        with self.open_journal() as journal:
            try:
                yield journal
            except BaseException:
                if not len(journal):
                    journal.close()
                    self.finish()
                raise

    def finish(self) -> None:
        """Remove the journal. Call it last: after the output and its manifest are in place."""
        journal_path(self.path).unlink(missing_ok=True)


@contextmanager
def claim_output(path: str | Path, fingerprint: str, *, overwrite: bool = False) -> Iterator[Claim]:
    """Lock an output and say whether there is nothing, an unfinished or a finished run of this fingerprint.

    With ``overwrite`` whatever is there may be replaced: the state is ``FRESH``, and an earlier output stays
    until the new one takes its place. Only an unfinished run of the same fingerprint is still continued, so
    that a killed command with ``--overwrite`` can be repeated like any other.

    Where nothing may be written, a finished run is as finished as anywhere, and there is no other state.

    Raises:
        BadSettings: Something else is there, and ``overwrite`` is false.
        DetoxError: Another process works on it, or it cannot be written and is not finished.
    """
    path = Path(path)
    with output_lock(path) as held:
        if not held:
            if not is_finished(path, fingerprint):
                raise unwritable(path)
            yield Claim(path, fingerprint, State.FINISHED)
            return
        state = _replaceable_state(path, fingerprint) if overwrite else _state(path, fingerprint)
        if state is State.FINISHED:  # killed after everything was in place, before the last line of its work
            journal_path(path).unlink(missing_ok=True)
            forget_status(path)
        yield Claim(path, fingerprint, state)


def refuse_model(folder: Path, flag: str = "-o") -> None:
    """Refuse a folder with a model in it, for commands that put their files beside what is there.

    Raises:
        BadSettings: There is one, or an adapter.
    """
    if any((folder / name).is_file() for name in MODELS):
        message = "a model lies in this folder, and its card and manifest would be mixed with the new files"
        raise BadSettings(message, where=f"{flag} {folder}", hint="choose another output")


def journal_path(path: Path) -> Path:
    """Where the journal of an output is: ``NAME.journal`` beside it."""
    return path.with_name(path.name + ".journal")


def status_path(output: Path) -> Path:
    """Where the status of an output is while it is being made, and after that was stopped."""
    return output.with_name(f".{output.name}.status.json")


def new_status_path(output: Path) -> Path:
    """Where the next status is while it is written."""
    return output.with_name(f".{output.name}.status.json.new")


def forget_status(output: Path) -> None:
    """Remove what was told of the work on an output that is there now, or of work that was not begun."""
    for path in (status_path(output), new_status_path(output)):
        path.unlink(missing_ok=True)


def _replaceable_state(path: Path, fingerprint: str) -> State:
    if not journal_path(path).exists():
        return State.FRESH
    try:
        Journal(journal_path(path), fingerprint).close()
    except (BadSettings, BadData):
        journal_path(path).unlink()
        return State.FRESH
    return State.RESUMABLE


def is_finished(path: Path, fingerprint: str) -> bool:
    """Whether the finished, unchanged output of a run of this fingerprint is there."""
    if not path.exists() or not manifest_path(path).exists():
        return False
    manifest = read_manifest(path) or {}
    return manifest.get("fingerprint") == fingerprint and manifest.get("output") == output_record(path)


def _state(path: Path, fingerprint: str) -> State:
    if journal_path(path).exists():
        # A journal of another run is refused here, not after a model has been loaded.
        Journal(journal_path(path), fingerprint).close()
        return State.FINISHED if is_finished(path, fingerprint) else State.RESUMABLE
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return State.FRESH
    manifest = read_manifest(path)
    if manifest is None:
        what = "something is there that no run has written"
    elif manifest.get("fingerprint") != fingerprint:
        what = f"the output of another run is there (see {manifest_path(path).name})"
    elif manifest.get("output") != output_record(path):
        what = "the output of this run is there and has been changed since"
    else:
        return State.FINISHED
    raise BadSettings(what, where=str(path), hint="choose another output, or add --overwrite")
