"""What ``detox train dpo`` reports about one training."""

from pydantic import Field

from detox_cli.errors import DetoxError, QualityLimit
from detox_cli.services.merge.result import Folded
from detox_cli.services.noted import NotedResult
from detox_cli.services.result import ROWS, AtHand, Cell, Table
from detox_cli.statistics.bootstrap import Estimate

COEFFICIENT = " (mean coefficient of their value vectors)"
"""What is told of neurons that are followed: by how much of their value vectors they write, at a token."""


class DpoResult(NotedResult):
    """A tuned model."""

    rows: dict[str, int] = Field(description="Rows read, left out by reason, trained on and held out.")
    cut: dict[str, int] = Field(description="Rows of which something was cut, by what.")
    parameters: dict[str, int] = Field(description="Weights that were trained, and all.")
    steps: int = Field(description="Optimizer steps until the end.")
    kept_step: int = Field(description="The step whose weights were kept.")
    chosen_at: dict[str, float] = Field(description="What was measured at the step that was kept.")
    within_budget: bool = Field(True, description="Whether that step is within --max-kl and its like.")
    before: dict[str, Estimate] = Field(default={}, description="Continuations of the start.")
    after: dict[str, Estimate] = Field(default={}, description="Continuations of the tuned model.")
    measured_on: str = Field("", description="Which prompts these are continuations of.")
    folded: Folded | None = Field(None, description="The folded model beside model and adapter.")

    def tables(self) -> list[Table]:
        """Continuations before and after, the held-out figures, then the rows."""
        rows: list[list[Cell]] = [[name, count] for name, count in (self.rows | self.cut).items()]
        held: list[list[Cell]] = [[name.replace("_", " "), value] for name, value in self.chosen_at.items()]
        caption = f"step {self.kept_step} of {self.steps} was kept"
        tables = [
            Table(title="held-out preferences", columns=["measure", "value"], rows=held, caption=caption)
        ]
        return [*self.noted(), *self._written(), *(tables if held else []), *self._folding(), _counts(rows)]

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Measure it."""
        return [
            f"detox eval generation {path} --prompts {rows.prompts} -o measured" for path in self.files[:1]
        ]

    def problem(self) -> DetoxError | None:
        """No step was within the budgets."""
        if self.within_budget:
            return None
        hint = "lower --learning-rate, raise --beta, or measure more often with --eval-steps"
        return QualityLimit(
            "no measured step is within --max-kl, --max-ppl-increase and --max-language-loss", hint=hint
        )

    def _written(self) -> list[Table]:
        lines: list[list[Cell]] = [
            [in_words(name), str(estimate), str(self.after[name])]
            for name, estimate in self.before.items()
            if name in self.after
        ]
        caption = f"mean [95 % interval]; {self.measured_on}; perplexity under the model's start"
        columns = ["measure", "before", "after"]
        return [Table(title="continuations", columns=columns, rows=lines, caption=caption)] if lines else []

    def _folding(self) -> list[Table]:
        if self.folded is None:
            return []
        found = self.folded
        columns = ["adapter against none", "folded against adapter", "allowed"]
        values = [found.effect, found.difference, found.limit]
        caption = f"largest differences of logits over {found.tokens} tokens of {found.texts} texts"
        return [Table(title="folded adapter", columns=columns, rows=[values], caption=caption)]


def in_words(measure: str) -> str:
    """A measure as people read it, with its unit where the name does not say it."""
    return measure.replace("_", " ") + (COEFFICIENT if measure.partition("/")[0] == "neurons" else "")


def _counts(rows: list[list[Cell]]) -> Table:
    return Table(title="rows", columns=["rows", "count"], rows=rows)
