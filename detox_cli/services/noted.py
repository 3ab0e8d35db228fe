"""A result with sentences that change what its figures mean."""

from pydantic import Field

from detox_cli.services.result import Result, Table


class NotedResult(Result):
    """What was warned of stands in the result as well, for those who read it later or were quiet."""

    notes: list[str] = Field(
        default=[], description="What changes the meaning of figures, such as a probe of other weights."
    )

    def noted(self) -> list[Table]:
        """The notes as a table, if there are any."""
        rows = [[note] for note in self.notes]
        return [Table(title="Read this first", columns=["note"], rows=rows)] if rows else []
