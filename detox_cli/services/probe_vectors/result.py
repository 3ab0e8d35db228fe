"""What ``probe vectors`` reports."""

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.noted import NotedResult
from detox_cli.services.probe_vectors.languages import TagCheck, tag_table
from detox_cli.services.probe_vectors.tokens import Spread, spread_table
from detox_cli.services.report.page import outline
from detox_cli.services.result import ROWS, AtHand, Cell, Table
from detox_cli.statistics.bootstrap import Estimate

SHOWN = 10


class VectorRow(BaseModel):
    """One value vector."""

    model_config = ConfigDict(frozen=True)

    side: str = Field(description="toward or away from the probe, or given.")
    rank: int
    layer: int
    neuron: int
    part: str = Field(description="mlp, expert N, or shared_expert.")
    cosine: float
    z: float = Field(description="In standard deviations of its cosines with directions by chance.")
    chance: float = Field(description="How probable a direction by chance has any vector this near.")
    length: float
    activation: Estimate | None = Field(
        description="Its mean coefficient over tokens, n counts prompts; null where none were read."
    )
    active: float | None = Field(description="Share of tokens where the coefficient is above 0.")
    gate: float | None = Field(description="Mean of the gate before its activation; null without a gate.")
    up: float | None = Field(description="Mean of the linear key; null without a gate.")
    promotes: int | None = Field(description="Sign of activation times cosine: 1 pushes towards the probe.")
    raised: list[str] = Field(description="Tokens that it makes most likely.")
    lowered: list[str] = Field(description="Tokens that it makes least likely.")
    scripts: list[str] = Field(description="Scripts of the raised tokens.")
    entropy: float = Field(description="How evenly those are spread, in bits; 0 is one script.")


class ComponentRow(BaseModel):
    """A singular vector of the nearest value vectors."""

    model_config = ConfigDict(frozen=True)

    component: int
    share: float = Field(description="Of the squared length of all these vectors.")
    cosine: float = Field(description="With the probe.")
    raised: list[str]
    lowered: list[str]


class LayerRow(BaseModel):
    """One layer."""

    model_config = ConfigDict(frozen=True)

    layer: int
    neurons: int
    toward: int = Field(description="How many of the nearest are here.")
    away: int = Field(description="How many of the farthest are here.")
    low: float = Field(description="The lowest cosine.")
    p1: float = Field(description="The first percentile of cosines.")
    p99: float
    high: float


class ProbeVectorsResult(NotedResult):
    """Value vectors beside a probe."""

    model: str
    probe: str
    place: str = Field(description="Where the probe reads.")
    neurons: int
    gated: bool
    prompts: int = Field(description="Read for activations; 0 for none.")
    tokens: int
    rejected: int = Field(description="Prompts that could not be used.")
    by_chance: float = Field(description="95 % of directions by chance have no vector nearer than this.")
    kept: int = Field(description="Neurons in neurons.json.")
    vectors: list[VectorRow]
    components: list[ComponentRow]
    layers: list[LayerRow]
    spreads: list[Spread] = Field(description="Scripts and languages of the raised tokens, beside chance.")
    tags: list[TagCheck] = Field(default=[], description="What the tags of languages are worth.")

    def tables(self) -> list[Table]:
        """The nearest on both sides, components, layers."""
        found = [_vectors(self, side) for side in ("given", "toward", "away")]
        tables = self.noted() + [table for table in found if table.rows]
        if self.components:
            rows: list[list[Cell]] = [
                [c.component, c.share, c.cosine, _words(c.raised), _words(c.lowered)] for c in self.components
            ]
            columns = ["component", "share", "cosine", "raises", "lowers"]
            tables.append(Table(title="Singular vectors of the nearest", columns=columns, rows=rows))
        layers: list[list[Cell]] = [
            [r.layer, r.neurons, r.toward, r.away, r.low, r.p1, r.p99, r.high] for r in self.layers
        ]
        columns = ["layer", "neurons", "toward", "away", "lowest", "1 %", "99 %", "highest"]
        tables.append(Table(title="Cosines by layer", columns=columns, rows=layers))
        tables.append(spread_table(self.spreads))
        if self.tags:
            tables.append(tag_table(self.tags))
        return tables

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Change these neurons."""
        return (
            [f"detox probe intervene {self.model} --neurons {self.files[0]}/neurons.json"]
            if self.files
            else []
        )


def _vectors(result: ProbeVectorsResult, side: str) -> Table:
    listed = [row for row in result.vectors if row.side == side]
    rows: list[list[Cell]] = [
        [
            row.rank,
            row.layer,
            row.neuron,
            row.part,
            row.cosine,
            row.z,
            row.chance,
            None if row.activation is None else str(row.activation),
            row.promotes,
            _words(row.raised),
        ]
        for row in listed[:SHOWN]
    ]
    titles = {"toward": "Nearest to the probe", "away": "Farthest from it", "given": "The given neurons"}
    caption = (
        f"{result.neurons} value vectors; 95 % of directions by chance have none with a cosine beyond "
        f"{result.by_chance:.3f}.\nOf tokens that each raises the first letters; vectors.csv has them whole."
    )
    if result.prompts:
        caption += (
            f"\nActivations: means over {result.tokens} tokens after {result.prompts} prompts, with 95 % "
            "intervals by bootstrap over prompts."
        )
    if len(listed) > SHOWN:
        caption += f"\n{SHOWN} of {len(listed)} are shown."
    columns = ["rank", "layer", "neuron", "part", "cosine", "z", "chance", "activation", "promotes", "raises"]
    return Table(title=titles[side], columns=columns, rows=rows, caption=caption)


def _words(words: list[str]) -> str:
    return outline(" ".join(words[:5]))
