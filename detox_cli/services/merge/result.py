"""What ``merge`` reports."""

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.errors import DetoxError
from detox_cli.services.result import Cell, Result, Table


class Folded(BaseModel):
    """Model plus adapter beside the folded model, on a few texts; differences are of logits, in float32."""

    model_config = ConfigDict(frozen=True)

    texts: int
    tokens: int = Field(description="Positions that were compared.")
    effect: float = Field(description="The largest difference that the adapter makes.")
    difference: float = Field(description="The largest difference that is left between the two.")
    spread: float = Field(description="The standard deviation of the logits.")
    limit: float = Field(description="The largest difference that rounding explains, by the type of numbers.")


class MergeResult(Result):
    """A merged model."""

    method: str
    models: list[str] = Field(description="What was merged.")
    base: str | None = Field(default=None, description="What task vectors were counted from.")
    tensors: int
    parameters: int
    bytes: int = Field(description="Of all files of weights.")
    shards: int
    dtypes: list[str] = Field(description="Types of the written numbers.")
    tokens: int | None = Field(default=None, description="Rows of the vocabulary, where it was changed.")
    remarks: list[str] = Field(default=[], description="What has no effect here, and why.")
    folded: Folded | None = None

    def tables(self) -> list[Table]:
        """What was merged, and what folding changed."""
        rows: list[list[Cell]] = [
            ["method", self.method],
            ["models", ", ".join(self.models)],
            ["base", self.base],
            ["tensors", self.tensors],
            ["parameters", f"{self.parameters:,}"],
            ["size", f"{self.bytes / 1e6:,.1f} MB in {self.shards} files, {', '.join(self.dtypes)}"],
        ]
        if self.tokens is not None:
            rows.append(["rows of the vocabulary", self.tokens])
        tables = [Table(title="Merge", columns=["", "value"], rows=[row for row in rows if row[1]])]
        if self.folded:
            found = self.folded
            caption = f"largest differences of logits over {found.tokens} tokens of {found.texts} texts"
            columns = ["adapter against none", "folded against adapter", "allowed"]
            values = [found.effect, found.difference, found.limit]
            tables.append(Table(title="Adapter", columns=columns, rows=[values], caption=caption))
        return tables


class Extracted(BaseModel):
    """A tensor that a tuned model has changed."""

    model_config = ConfigDict(frozen=True)

    tensor: str
    length: float = Field(description="Of the difference from the base (Frobenius).")
    error: float = Field(description="The share of that length that the adapter does not hold.")


class ExtractResult(Result):
    """An adapter that was extracted from a tuned model."""

    rank: int
    matrices: list[Extracted] = Field(description="What the adapter changes.")
    left_out: list[Extracted] = Field(default=[], description="What has changed and is no matrix of a layer.")

    @property
    def error(self) -> float:
        """The share of the whole difference that the adapter does not hold."""
        everything = [*self.matrices, *self.left_out]
        left = sum((one.length * one.error) ** 2 for one in everything)
        whole = sum(one.length**2 for one in everything)
        return float((left / whole) ** 0.5)

    def tables(self) -> list[Table]:
        """Every tensor, the worst first."""
        worst = sorted((*self.matrices, *self.left_out), key=lambda one: -one.error)
        rows: list[list[Cell]] = [[one.tensor, one.length, one.error] for one in worst]
        caption = f"rank {self.rank}; {self.error:.3g} of the length of all differences is not held"
        columns = ["tensor", "length of the difference", "not held"]
        return [Table(title="Adapter", columns=columns, rows=rows, caption=caption)]

    def headline(self) -> str:
        """How much was left."""
        return f"{len(self.matrices)} matrices, {self.error:.3g} of the difference not held"


class MergePreview(Result):
    """What would be merged."""

    method: str
    tensors: list[tuple[str, str, str, int, str]] = Field(
        description="Name, shape, type, bytes, and the weights of the models."
    )
    shards: list[tuple[str, int]] = Field(description="Every file and its bytes.")
    remarks: list[str] = Field(default=[], description="What has no effect here, and why.")

    def tables(self) -> list[Table]:
        """Every tensor, and every file."""
        total = sum(size for _, size in self.shards)
        caption = f"{self.method}; {len(self.tensors)} tensors, {total / 1e6:,.1f} MB"
        columns = ["tensor", "shape", "type", "bytes", "weights"]
        return [
            Table(title="Merge", columns=columns, rows=self.tensors, caption=caption),
            Table(title="Files", columns=["file", "bytes"], rows=self.shards),
        ]

    def headline(self) -> str:
        """How much would be merged."""
        return f"{len(self.tensors)} tensors"


def too_different(found: Folded) -> DetoxError | None:
    """An error if a folded model does something else than model plus adapter."""
    if found.difference <= found.limit:
        return None
    return DetoxError(
        f"logits of the folded model are off by {found.difference:.2g}, above {found.limit:.2g}",
        where="--adapter",
        hint="nothing was written; try --dtype float32, and report this model",
    )
