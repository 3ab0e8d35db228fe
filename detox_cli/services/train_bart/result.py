"""What ``detox train bart`` reports about one training."""

from pydantic import Field

from detox_cli.scoring.suites.detox import DETOX
from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table
from detox_cli.services.train_bart.abstain import Abstaining, abstaining_table
from detox_cli.services.train_bart.batches import Truncation
from detox_cli.services.train_bart.files import FileRows, file_table
from detox_cli.services.training.leaks import Leak, leak_table
from detox_cli.statistics.bootstrap import Estimate


class BartResult(Result):
    """A trained rewriter."""

    rows: dict[str, int] = Field(description="Rows used, held out and left out, by reason.")
    files_read: list[FileRows] = Field(description="What became of the pairs of each file.")
    leaks: list[Leak] = Field(description="Sources that stand in two places.")
    truncation: dict[str, Truncation] = Field(description="Texts that were too long, by side of the split.")
    steps: int = Field(description="Optimizer steps until the end.")
    kept_step: int = Field(description="The step whose weights were kept.")
    chosen_at: dict[str, float] = Field(
        description="Held-out loss, and J if it was measured, at that step on the rows that choose."
    )
    quality: dict[str, dict[str, Estimate]] = Field(
        description="STA, SIM, FL, J (mean of products), chrF and copies of the model and of plain copying."
    )
    measured_on: str = Field(description="Which rows the quality was measured on.")
    abstaining: Abstaining | None = Field(None, description="How well it declines, if it learnt to.")

    def tables(self) -> list[Table]:
        """Quality by system, then the rows, the files and what they share."""
        counted: list[list[Cell]] = [[name, count] for name, count in self.rows.items()]
        rows = Table(title="rows", columns=["rows", "count"], rows=counted)
        several = [file_table(self.files_read)] if len(self.files_read) > 1 else []
        shared = [leak_table(self.leaks)] if len(self.leaks) > 1 else []
        cut = (
            [self._truncation_table()]
            if any(t.sources or t.targets for t in self.truncation.values())
            else []
        )
        declining = [abstaining_table(self.abstaining)] if self.abstaining else []
        return [*self._quality_table(), *declining, rows, *cut, *several, *shared]

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Use it."""
        return [f"detox generate {path} {rows.toxic} -o neutral.jsonl" for path in self.files[:1]]

    def _truncation_table(self) -> Table:
        columns = ["rows", "limit", "sources cut", "longest", "targets cut", "longest"]
        rows: list[list[Cell]] = [
            [side, t.limit, t.sources, t.longest_source, t.targets, t.longest_target]
            for side, t in self.truncation.items()
        ]
        return Table(title="texts longer than the limit, in tokens", columns=columns, rows=rows)

    def _quality_table(self) -> list[Table]:
        names = list(next(iter(self.quality.values()), {}))
        systems: list[list[Cell]] = [
            [system, *(str(values[name]) for name in names)] for system, values in self.quality.items()
        ]
        caption = (
            f"mean [95 % interval]; {self.measured_on}; J is that of suite {DETOX.title}, a mean of products"
        )
        title = "quality of the rewrites"
        return (
            [Table(title=title, columns=["system", *names], rows=systems, caption=caption)] if names else []
        )
