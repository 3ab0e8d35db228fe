"""What ``detox train spans`` reports about one training."""

from pydantic import Field

from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table
from detox_cli.services.train_spans.data import FileTexts
from detox_cli.services.train_spans.encode import Tokens
from detox_cli.statistics.bootstrap import Estimate

MODEL = "model"
MEASURES = ("f1", "precision", "recall")


class SpansResult(Result):
    """A trained detector."""

    rows: dict[str, int] = Field(description="Texts on each side and left out, by reason.")
    files_read: list[FileTexts] = Field(description="What became of the texts of each file.")
    tokens: Tokens = Field(description="What it was trained on.")
    parameters: int = Field(description="Weights of the detector.")
    steps: int = Field(description="Optimizer steps until the end.")
    kept_step: int = Field(description="The step whose weights were kept.")
    threshold: float = Field(description="The probability from which on a word counts.")
    chosen_at: dict[str, float] = Field(
        description="Loss and character F1 of the kept step on the texts that choose."
    )
    quality: dict[str, dict[str, Estimate]] = Field(
        description="Character F1, precision and recall of the model and of each baseline."
    )
    ahead: dict[str, Estimate] = Field(description="F1 of the model minus that of a baseline, text by text.")
    measured_on: str = Field(description="Which texts the quality was measured on.")

    def tables(self) -> list[Table]:
        """Quality by system, then the texts."""
        lines: list[list[Cell]] = [
            [system, *(str(found[name]) for name in MEASURES), str(self.ahead.get(system, ""))]
            for system, found in self.quality.items()
        ]
        columns = ["system", "character F1", "precision", "recall", "model ahead by"]
        caption = (
            f"means over texts with 95 % intervals; {self.measured_on}; threshold {self.threshold:g}, "
            f"{self.parameters / 1e6:.2f} million weights"
        )
        quality = [Table(title="toxic spans", columns=columns, rows=lines, caption=caption)] if lines else []
        counted: list[list[Cell]] = [[name, count] for name, count in self.rows.items()]
        return [*quality, Table(title="texts", columns=["texts", "count"], rows=counted)]

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Build chains with it."""
        return [
            f"detox synth chain MODEL --prompts {rows.prompts} --detector {path} -o chains"
            for path in self.files[:1]
        ]
