"""What ``detox generate`` reports."""

from pydantic import Field

from detox_cli.services.generate.chains import ChainCounts
from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table


class GenerateResult(Result):
    """Counts of a generation run."""

    prompts: int = Field(description="Prompts that were answered.")
    samples: int = Field(description="Answers in all.")
    resumed: int = Field(description="Prompts that an earlier, interrupted run had answered.")
    rejects: int = Field(description="Rows that could not be used.")
    empty: int = Field(description="Answers without text.")
    abstained: int | None = Field(
        None, description="Answers that decline to rewrite, by a model that learnt to; null by others."
    )
    finish_reasons: dict[str, int] = Field(
        description="Answers that the model ended, and that the limit did."
    )
    new_tokens: int = Field(description="Tokens written, those that end an answer counted.")
    tokens_per_second: float = Field(description="Of this run, loading left out.")
    engine: dict[str, str] = Field(description="What answered.")
    chains: ChainCounts | None = Field(None, description="What chains came to; null where none were asked.")

    def tables(self) -> list[Table]:
        """One row per number."""
        ends: list[list[Cell]] = [[f"ended by {why}", count] for why, count in self.finish_reasons.items()]
        rows: list[list[Cell]] = [
            ["prompts", self.prompts],
            ["answers", self.samples],
            *ends,
            ["empty", self.empty],
            ["rejected rows", self.rejects],
            ["tokens", self.new_tokens],
            ["tokens per second", self.tokens_per_second],
        ]
        if self.abstained is not None:
            rows.append(["declined to rewrite", self.abstained])
        if self.chains is not None:
            rows += self.chains.rows()
        if self.resumed:
            rows.append(["answered before the interruption", self.resumed])
        known = [
            self.engine[name] for name in ("engine", "dtype", "quantize", "device") if self.engine.get(name)
        ]
        model = f"{self.engine['model']} ({', '.join(known)})"
        return [Table(title="generated", columns=["what", "count"], rows=rows, caption=model)]

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Score what was written, if it is rewrites or the answers of chains."""
        if self.files and self.chains is not None:
            return [f"detox eval generation {self.files[0]} -o measured"]
        if not self.files or self.samples != self.prompts or self.engine["kind"] != "encoder-decoder":
            return []
        return [f"detox eval rewrite {self.files[0]}"]
