"""What an unfinished run has behind it: notes in its journal, and files in a folder beside the output."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.journal import Journal
from detox_cli.runs.output import Claim, State

Note = Mapping[str, Any]
NOTE = "note.json"
MEASURED, ANSWERS, NEEDED = "measured", "answers", "needed"


@dataclass(frozen=True)
class Stages:
    """The finished stages of a run; a killed one goes on after the last of them.

    Attributes:
        folder: Beside the output, for what does not fit into a journal.
        journal: Of the run.
        key: Of what decides what is asked and measured. What lies under it serves any run with the same key,
            so that one whose choice failed is not measured again under other limits.
    """

    folder: Path
    journal: Journal
    key: str = ""

    @property
    def measured(self) -> Path:
        """The folder of what was measured."""
        return self.folder / f"{MEASURED}-{self.key}"

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

    def measured_once(self, fill: Callable[[Path], Note]) -> tuple[Path, Note]:
        """The folder of what was measured, by this run or an earlier one, and what was said about it."""
        if not self.measured.exists():
            with atomic_folder(self.measured) as folder:
                (folder / NOTE).write_text(json.dumps(fill(folder)), encoding="utf-8")
        note: Note = parse_json((self.measured / NOTE).read_text(encoding="utf-8"))
        return self.measured, note

    def keep_measured(self) -> bool:
        """Remove all but what another run with the same key can use; whether there is anything."""
        kept = tuple(f"{name}-{self.key}" for name in (MEASURED, ANSWERS, NEEDED))
        for path in self.folder.iterdir() if self.measured.exists() else ():
            if not path.name.startswith(kept):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if not self.measured.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
        return self.folder.exists()

    def scratch(self) -> Path:
        """A folder for what is spilled while a stage is at work."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder

    def answers(self) -> Journal:
        """The journal of the model's answers to the prompts."""
        return Journal(self.folder / f"{ANSWERS}-{self.key}.journal", ANSWERS)

    def needed(self, sentences: str) -> Journal:
        """The journal of how the model does the task as it is, on the sentences of that digest."""
        return Journal(self.folder / f"{NEEDED}-{self.key}-{sentences}.journal", sentences)

    def verdicts(self, sentences: str) -> Journal:
        """The journal of the parts of a verification; it starts with what was asked on these sentences."""
        place = self.folder / f"verify-{sentences}.journal"
        fresh = not place.exists()
        journal = Journal(place, sentences)
        if fresh:
            with self.needed(sentences) as asked:
                for record in asked.records():
                    journal.append(record)
        return journal


@contextmanager
def stages_of(claim: Claim, key: str = "") -> Iterator[Stages]:
    """The stages of a claimed output.

    Nothing of them is left when all is done, nor where the same command would fail in the same way again;
    what was measured stays in that case, for a command that chooses otherwise.
    """
    folder = claim.path.with_name(claim.path.name + ".stages")
    with claim.open_journal() as journal:
        stages = Stages(folder, journal, key)
        if claim.state is State.FRESH:
            stages.keep_measured()
        try:
            yield stages
        except (BadData, BadSettings, Missing):
            stages.keep_measured()
            claim.finish()
            raise
        shutil.rmtree(folder, ignore_errors=True)
        claim.finish()
