"""Which sources stand in two places: in two files, in training and in what is measured with."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.data.splits import source_key
from detox_cli.services.result import Cell, Table


class Leak(BaseModel):
    """The sources that two collections share."""

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    first_sources: int = Field(description="Different sources of the first, case and punctuation ignored.")
    second_sources: int = Field(description="Different sources of the second.")
    equal: int = Field(description="Sources that both have, character by character.")
    nearly_equal: int = Field(description="Further ones that differ in case, spaces or punctuation only.")
    share: float = Field(description="Shared sources as a share of the second's.")
    treated: str = Field(description="What was done about them.")


def compare(
    first: str, first_texts: Iterable[str], second: str, second_texts: Iterable[str], treated: str
) -> Leak:
    """Count what two collections of sources, given by their texts, share."""
    mine, theirs = _texts_by_key(first_texts), _texts_by_key(second_texts)
    shared = mine.keys() & theirs.keys()
    equal = sum(not mine[key].isdisjoint(theirs[key]) for key in shared)
    return Leak(
        first=first,
        second=second,
        first_sources=len(mine),
        second_sources=len(theirs),
        equal=equal,
        nearly_equal=len(shared) - equal,
        share=len(shared) / len(theirs) if theirs else 0.0,
        treated=treated,
    )


def leak_table(leaks: Sequence[Leak]) -> Table:
    """One line per two collections."""
    rows: list[list[Cell]] = [
        [leak.first, leak.second, leak.equal, leak.nearly_equal, f"{leak.share:.1%}", leak.treated]
        for leak in leaks
    ]
    return Table(
        title="sources in two places",
        columns=["in", "and in", "equal", "nearly equal", "of the second", "treated"],
        rows=rows,
        caption="nearly equal: the same but for case, spaces and punctuation",
    )


def leak_text(leaks: Sequence[Leak]) -> str:
    """The same as a list in Markdown, for a model card."""
    return "\n".join(
        f"- {leak.first} and {leak.second}: {leak.equal} equal and {leak.nearly_equal} nearly equal sources, "
        f"{leak.share:.1%} of the {leak.second_sources} sources of the second; {leak.treated}."
        for leak in leaks
    )


def _texts_by_key(texts: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for text in texts:
        found.setdefault(source_key(text), set()).add(text)
    return found
