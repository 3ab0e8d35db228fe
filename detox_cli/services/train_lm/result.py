"""What ``detox train lm`` reports."""

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError, QualityLimit
from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table
from detox_cli.services.train_lm.batches import Tokens
from detox_cli.services.train_lm.data import FileTexts
from detox_cli.services.train_lm.parts import Overlap
from detox_cli.statistics.bootstrap import Estimate


class Expert(BaseModel):
    """One trained model."""

    model_config = ConfigDict(frozen=True)

    folder: str = Field(description="Where it is in the output; '.' for the output itself.")
    kind: str = Field(description="full, or lora where the folder holds an adapter.")
    digest: str = Field(description="Hash of the texts that it was trained on, in their order.")
    tokens: Tokens = Field(description="What it was trained on.")
    steps: int = Field(description="Optimizer steps until the end.")
    kept_step: int = Field(description="The step whose weights were kept.")
    kept_loss: float | None = Field(None, description="Held-out loss at that step, nats per token.")
    stopped_at: float | None = Field(None, description="The loss that ended it, if one was above --max-loss.")
    perplexity: dict[str, Estimate] = Field(
        description="Per token of held-out texts, by the model it started from and by itself."
    )


class LmResult(Result):
    """One model, or one for each part."""

    rows: dict[str, int] = Field(description="Texts used, held out and left out, by reason.")
    files_read: list[FileTexts] = Field(description="What became of the rows of each file.")
    chosen: str = Field(description="Which texts were chosen.")
    clean: bool = Field(description="Whether they are said to be clean.")
    model: str = Field(description="What every model was started from.")
    risen: bool = Field(description="Whether the loss was to go up.")
    experts: list[Expert]
    overlap: Overlap | None = Field(default=None, description="What the parts have in common.")

    def tables(self) -> list[Table]:
        """The experts, then the rows."""
        columns = ["model", "texts", "tokens", "cut", "steps", "kept", "perplexity before", "after"]
        lines: list[list[Cell]] = [
            [
                expert.folder,
                expert.tokens.texts,
                expert.tokens.tokens,
                expert.tokens.cut,
                expert.steps,
                expert.kept_step,
                *(str(expert.perplexity[side]) if side in expert.perplexity else "" for side in SIDES),
            ]
            for expert in self.experts
        ]
        n = next((estimate.n for expert in self.experts for estimate in expert.perplexity.values()), 0)
        caption = f"perplexity per token with 95 % interval, on {n} held-out texts; {self.chosen}"
        experts = Table(title="models", columns=columns, rows=lines, caption=caption)
        counted: list[list[Cell]] = [[name, count] for name, count in self.rows.items()]
        several = [_file_table(self.files_read)] if len(self.files_read) > 1 else []
        return [experts, Table(title="texts", columns=["texts", "count"], rows=counted), *several]

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Take it out of the model it started from; not what was trained on clean text or by ascent."""
        if self.clean or self.risen:
            return []
        return [f"detox negate {self.model} --expert {path} -o detoxified" for path in self.files]

    def problem(self) -> DetoxError | None:
        """Parts that share texts: something is wrong with how they were cut."""
        if self.overlap and self.overlap.equal + self.overlap.nearly_equal + self.overlap.with_held_out:
            return QualityLimit("the parts share texts", hint="report this, with the manifest")
        return None


SIDES = ("start", "model")


def _file_table(files: list[FileTexts]) -> Table:
    rows: list[list[Cell]] = [
        [f.name, f.read, f.used, ", ".join(f"{count} {reason}" for reason, count in f.left_out.items())]
        for f in files
    ]
    return Table(title="files", columns=["file", "rows", "used", "left out"], rows=rows)
