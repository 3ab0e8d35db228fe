"""What a command would do, as far as it can be told without loading a model."""

from collections.abc import Sequence
from pathlib import Path

from detox_cli.services.result import Result, Table


class Plan(Result):
    """The inputs, models and outputs that the settings name, each looked at."""

    things: list[tuple[str, str, str]]

    def tables(self) -> list[Table]:
        """One row per thing: the option, what was given, and what is there."""
        rows = [list(thing) for thing in self.things]
        return [Table(title="plan", columns=["option", "value", "found"], rows=rows)]

    def headline(self) -> str:
        """The plan can be carried out; otherwise there would have been an error."""
        return "ok"


def plan(things: Sequence[tuple[str, str, str]]) -> Plan:
    """Look at each (option, kind, value) without reading it.

    Raises:
        BadData: An input file is not there.
        Missing: A model is neither bundled nor a folder nor to be had from the hub.
    """
    return Plan(things=[(option, value, _look(kind, value)) for option, kind, value in things])


def _look(kind: str, value: str) -> str:
    if kind == "model":
        from detox_cli.models.sources import find_model

        source = find_model(value)
        return f"{source.kind} model at {source.location}"
    path = Path(value)
    if kind == "output":
        return (
            "standard output" if value == "-" else "is there already" if path.exists() else "will be written"
        )
    if value == "-":
        return "standard input"
    if path.is_file():
        return f"{path.stat().st_size:,} bytes"
    return "folder" if path.is_dir() else "not on this machine"
