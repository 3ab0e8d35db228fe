"""What an unfinished run has behind it: notes in its journal, and files in a folder beside the output."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.journal import Journal
from detox_cli.runs.output import Claim, State

Note = Mapping[str, Any]


@dataclass(frozen=True)
class Stages:
    """The finished stages of a run; a killed one goes on after the last of them.

    Attributes:
        folder: Beside the output, for what does not fit into a journal.
        journal: Of the run.
    """

    folder: Path
    journal: Journal

    def once(self, stage: str, compute: Callable[[], Note]) -> Note:
        """What ``compute`` gives, as plain values, from the journal if an earlier run was there already."""
        for record in self.journal.records():
            if record["stage"] == stage:
                found: Note = record["note"]
                return found
        note = compute()
        self.journal.append({"stage": stage, "note": note})
        return note

    def folder_once(self, stage: str, fill: Callable[[Path], Note | None]) -> tuple[Path, Note]:
        """A folder that ``fill`` has filled, now or in an earlier run, and what it said about it."""
        place = self.folder / stage

        def compute() -> Note:
            with atomic_folder(place, overwrite=True) as folder:
                return fill(folder) or {}

        return place, self.once(stage, compute)

    def scratch(self) -> Path:
        """A folder for what is spilled while a stage is at work."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    def answers(self) -> Journal:
        """The journal of the model's answers to the prompts."""
        return Journal(self.folder / "answers.journal", "answers")

    def verdicts(self, sentences: str) -> Journal:
        """The journal of the parts of a verification, on the sentences of that digest."""
        return Journal(self.folder / f"verify-{sentences}.journal", "verify")


@contextmanager
def stages_of(claim: Claim) -> Iterator[Stages]:
    """The stages of a claimed output.

    Nothing of them is left when all is done, nor where the same command would fail in the same way again.
    """
    folder = claim.path.with_name(claim.path.name + ".stages")
    if claim.state is State.FRESH:
        shutil.rmtree(folder, ignore_errors=True)
    over = True
    with claim.open_journal() as journal:
        try:
            yield Stages(folder, journal)
        except (BadData, BadSettings, Missing):
            raise
        except BaseException:
            over = False
            raise
        finally:
            if over:
                shutil.rmtree(folder, ignore_errors=True)
                claim.finish()
