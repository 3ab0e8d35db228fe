"""What ``synth chain`` reports: what became of the prompts at each stage."""

from pydantic import Field

from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table
from detox_cli.services.synth_chain.stage import FILES, StageReport

NO_NEGATIVES = "chains without negatives"
"""The count of chains that have nothing to contrast with."""


class SynthChainResult(Result):
    """The stages that were done, or were there already."""

    model: str | None = Field(default=None, description="The model that the chains are for.")
    mode: str = Field(default="chain", description="Which prompts have a chain: chain, direct or both.")
    stages: list[StageReport] = Field(description="What each stage has done.")
    rejects: int = Field(default=0, description="Rows that could not be read.")
    seconds: float = Field(default=0.0, description="Wall time of this run.")

    def tables(self) -> list[Table]:
        """Prompts from stage to stage, why some were dropped, and the means."""
        flow: list[list[Cell]] = [
            [one.stage, one.prompts, one.toxic, one.safe, sum(one.dropped.values())] for one in self.stages
        ]
        tables = [Table(title="Chains", columns=["stage", "prompts", "toxic", "safe", "dropped"], rows=flow)]
        dropped: list[list[Cell]] = [
            [one.stage, reason, count] for one in self.stages for reason, count in one.dropped.items()
        ]
        if dropped:
            tables.append(Table(title="Dropped", columns=["stage", "reason", "prompts"], rows=dropped))
        counts: list[list[Cell]] = [
            [one.stage, name, count] for one in self.stages for name, count in one.counts.items()
        ]
        if self.rejects:
            counts.insert(0, ["read", "rows that cannot be used", self.rejects])
        if counts:
            tables.append(Table(title="Counts", columns=["stage", "of what", "count"], rows=counts))
        figures: list[list[Cell]] = [
            [one.stage, name, str(value), value.n]
            for one in self.stages
            for name, value in one.figures.items()
        ]
        if figures:
            tables.append(Table(title="Means", columns=["stage", "of what", "mean", "n"], rows=figures))
        return tables

    def headline(self) -> str:
        """The file of the last stage."""
        return str(self.stages[-1].files[0]) if self.stages else ""

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Train on the chains, or do the next stage."""
        if not self.stages:
            return []
        last, folder = self.stages[-1], self.stages[-1].files[0].parent
        model = self.model or "MODEL"
        if last.stage == "build":
            kind = "" if self.mode == "chain" else f" --mode {self.mode}"
            made, alone = last.toxic + last.safe, last.counts.get(NO_NEGATIVES)
            plain = " --contrast none" if alone == made else ""
            return [f"detox train cmd {model} --data {folder}{kind}{plain} -o detoxified"]
        following = list(FILES)[list(FILES).index(last.stage) + 1]
        return [f"detox synth chain {model} --from {following} -o {folder}"]
