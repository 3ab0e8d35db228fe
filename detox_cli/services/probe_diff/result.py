"""What ``probe diff`` reports."""

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.noted import NotedResult
from detox_cli.services.probe_activations.result import ProbeActivationsResult
from detox_cli.services.result import ROWS, AtHand, Cell, Table
from detox_cli.statistics.bootstrap import Estimate

FROZEN = ConfigDict(frozen=True)


class TensorRow(BaseModel):
    """How far one tensor moved."""

    model_config = FROZEN

    name: str
    layer: int | None
    kind: str
    size: int
    step: float = Field(description="Length of the difference.")
    relative: float | None = Field(description="Of the first model's tensor; null where that is all zeros.")
    cosine: float | None
    rank: float | None = Field(description="Stable rank of the difference.")
    share: float = Field(description="Of the squared difference of all tensors.")
    toxic: float | None = Field(description="Share of the difference in the toxic subspace; writers only.")
    by_chance: float | None = Field(description="95 % of random value vectors' subspaces hold less.")
    probe: float | None = Field(description="Share of the difference along the probe's direction.")


class KindRow(BaseModel):
    """All tensors of one kind, such as ``mlp``."""

    model_config = FROZEN

    kind: str
    tensors: int
    changed: int = Field(description="Tensors with any other number.")
    relative: float
    share: float
    toxic: float | None
    expected: float | None = Field(description="The share of dimensions that the subspace has.")
    random_mean: float | None
    random_high: float | None = Field(description="95 % of random value vectors' subspaces hold less.")
    p: float | None = Field(description="(1 + random subspaces that hold as much) / (1 + n).")


class ShiftRow(BaseModel):
    """The stream after one block, on the same tokens; n counts prompts."""

    model_config = FROZEN

    layer: int
    relative: float = Field(description="Length of the mean shift by that of the stream.")
    shift: Estimate = Field(description="Along the probe, in standard deviations of the first model.")
    p: float = Field(description="Share of random directions shifted as far, (1 + hits) / (1 + n).")
    random_high: float = Field(description="95 % of random directions are shifted less, in size.")
    same_way: float = Field(description="Mean cosine of a prompt's shift with the mean one of others.")
    principal: float = Field(description="Share of the mean shift in the first principal components.")


class ProbeDiffResult(NotedResult):
    """What changed between two models."""

    model: str
    other: str
    probe: str
    place: str
    width: int
    subspace: int
    components: int
    random: int
    findings: list[str] = Field(description="What the figures say, a sentence each.")
    kinds: list[KindRow]
    tensors: list[TensorRow]
    shifts: list[ShiftRow]
    activations: ProbeActivationsResult

    def tables(self) -> list[Table]:
        """Findings, weights, stream, neurons."""
        said = Table(title="What it says", columns=[""], rows=[[line] for line in self.findings])
        neurons = self.activations.tables()
        return [said, self.kinds_table(), self.shifts_table(), *neurons]

    def kinds_table(self) -> Table:
        """Weights by kind."""
        rows: list[list[Cell]] = [
            [
                one.kind,
                f"{one.changed} of {one.tensors}",
                one.relative,
                f"{one.share:.1%}",
                _share(one.toxic),
                _share(one.random_high),
                one.p,
            ]
            for one in self.kinds
        ]
        columns = [
            "kind",
            "changed",
            "relative",
            "of the difference",
            "toxic subspace",
            "95 % by chance",
            "p",
        ]
        caption = (
            "Relative: length of the difference by that of the tensors. The toxic subspace has "
            f"{self.subspace} of {self.width} dimensions: the first singular vectors of the value vectors "
            "nearest to the probe.\n"
            f"By chance: subspaces of as many value vectors drawn from all, {self.random} of them."
        )
        return Table(title="Weights", columns=columns, rows=rows, caption=caption)

    def shifts_table(self) -> Table:
        """The stream by layer."""
        rows: list[list[Cell]] = [
            [
                one.layer,
                one.relative,
                str(one.shift),
                one.random_high,
                one.p,
                one.same_way,
                f"{one.principal:.1%}",
            ]
            for one in self.shifts
        ]
        columns = [
            "layer",
            "relative",
            "along the probe",
            "95 % by chance",
            "p",
            "same way",
            f"in {self.components} components",
        ]
        count = self.shifts[0].shift.n if self.shifts else 0
        caption = (
            f"Both models read what the first one wrote after {count} prompts. Along the probe: in standard "
            "deviations of the first model's prompts there; by chance: sizes along random directions.\n"
            "Same way: mean cosine of a prompt's shift with the mean shift of the other half of the prompts."
        )
        return Table(title="Residual stream", columns=columns, rows=rows, caption=caption)

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Look at the page."""
        return [f"open {self.files[0]}/report.html"] if self.files else []


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
