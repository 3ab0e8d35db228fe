"""What ``abliterate`` reports: what was contrasted, chosen and edited, and what that did."""

from pydantic import Field

from detox_cli.services.abliterate.write import WrittenModel
from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate


class AbliterateResult(Result):
    """An edited model, and the way to it."""

    model: str = Field(description="The model that was edited.")
    contrast: str = Field(description="What was contrasted.")
    prompts: dict[str, int] = Field(description="How many prompts were used, by what for.")
    choice: dict[str, float] = Field(description="Where the direction was taken, and what speaks for it.")
    written: WrittenModel = Field(description="The edited tensors.")
    refusals: dict[str, Estimate] = Field(description="Share of refused prompts, before and after.")

    def tables(self) -> list[Table]:
        """The refusals, the choice, and the edit in a few lines."""
        rows: list[list[Cell]] = [[name, str(value), value.n] for name, value in self.refusals.items()]
        columns = ["", "share", "n"]
        refusals = Table(title=f"Refusals, {self.model}", columns=columns, rows=rows)
        shown: list[list[Cell]] = [[name, value] for name, value in self.choice.items()]
        choice = Table(title="Direction", columns=["", "value"], rows=shown)
        edited: list[list[Cell]] = [
            ["tensors", len(self.written.tensors)],
            ["bytes", self.written.bytes_edited],
            ["largest residue", self.written.largest_residue],
        ]
        edited += [[f"left: {name}", reason] for name, reason in self.written.kept.items()]
        return [refusals, choice, Table(title="Edit", columns=["", "value"], rows=edited)]

    def next_steps(self) -> list[str]:
        """Let it annotate."""
        return [f"detox synth pairs toxic.txt -o pairs.jsonl -m {path}" for path in self.files[:1]]
