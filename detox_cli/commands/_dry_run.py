"""What ``--dry-run`` does: look at everything that the settings name, and load nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.base import Section
from detox_cli.settings.fields import flag_of, option_name, ordered_fields
from detox_cli.settings.offers import OFFERS

if TYPE_CHECKING:
    from detox_cli.services.plan import Thing

S = TypeVar("S", bound=Section)

WRITTEN = (
    "output",
    "picture",
    "rejects",
    "rows",
    "dropped",
    "preferences",
    "paper_csv",
    "keep_experts",
    "bake",
    "features",
    "export_trl_args",
)
"""The fields that name a file or a folder that a command writes."""


def dry_run(plan: Callable[[S, Progress], Result] | None) -> Callable[[S, Progress], Result]:
    """A function that looks at what the settings name, and then lets ``plan`` say more if there is one."""

    def look(settings: S, progress: Progress) -> Result:
        from detox_cli.services import plan as looking

        found = looking.plan(list(_named_things(settings)))
        if plan is None:
            return found
        said = plan(settings, progress)
        return (
            said.model_copy(update={"things": found.things}) if getattr(said, "things", None) == [] else said
        )

    return look


def _named_things(settings: Section) -> "Iterator[Thing]":
    """What the settings name outside themselves, by their flags."""
    from detox_cli.services.plan import Thing

    for name, field in ordered_fields(type(settings)):
        flag, value = flag_of(field), getattr(settings, name)
        if flag.complete and value not in (None, ""):
            kind = "output" if name in WRITTEN else _kind_of(flag.complete)
            if "FILE" in (flag.metavar or "") and Path(str(value)).is_file():
                kind = "file"  # an argument that takes a model or a file
            if name in ("model", "judge") and getattr(settings, "engine", None) == "server":
                kind = "served"
            revision = getattr(settings, "revision", None) if name == "model" else None
            for item in value if isinstance(value, (list, tuple)) else [value]:
                named = kind == "file" and str(item) in flag.words
                yield Thing(option_name(name, field), "name" if named else kind, str(item), revision)


def _kind_of(offer: str) -> str:
    """Model, scorer, folder or file, whatever of these is offered; detectors have names of their own."""
    return offer if offer == "detector" else OFFERS[offer].kind
