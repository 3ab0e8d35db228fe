"""What a service hands back: data that prints as tables, dumps as JSON and knows its files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError

Cell = str | int | float | None


class AtHand(NamedTuple):
    """What the next command can read where this one ran: prompts to measure with, texts, toxic sentences."""

    prompts: str = "rtp"
    texts: str = "prompts.txt"
    toxic: str = "toxic.txt"


ROWS = AtHand()
BUNDLED = AtHand(prompts="builtin:openings", texts="builtin:openings", toxic="builtin:pairs")
"""Where nothing may be fetched."""


class Table(BaseModel):
    """A table for eyes; numbers stay numbers, the printer formats them."""

    model_config = ConfigDict(frozen=True)

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""


class Result(BaseModel):
    """The outcome of a service. A subclass adds its numbers as fields; they are the JSON document."""

    model_config = ConfigDict(frozen=True)

    files: list[Path] = Field(default=[], description="What was written.")

    def tables(self) -> list[Table]:
        """The tables that a person reads, most important first."""
        return []

    def headline(self) -> str:
        """The one value that ``--quiet`` prints: by default the first file."""
        return str(self.files[0]) if self.files else ""

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Commands that make sense after this one, with rows that are there."""
        return []

    def problem(self) -> DetoxError | None:
        """What is raised after the result is shown, such as a quality limit that is not met."""
        return None
