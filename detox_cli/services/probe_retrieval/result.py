"""What ``probe retrieval`` reports, as data and as tables."""

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.probe_retrieval.effect import Correlation
from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate


class LayerRetrieval(BaseModel):
    """One language at one place of the model."""

    model_config = ConfigDict(frozen=True)

    lang: str
    place: str
    figures: dict[str, Estimate] = Field(description="By measure; n is the number of sentence pairs.")


class LanguageRetrieval(BaseModel):
    """One language, as a mean over layers."""

    model_config = ConfigDict(frozen=True)

    lang: str
    pairs: int
    repeated: int = Field(description="Pairs left out, as one of their sentences is in another.")
    figures: dict[str, Estimate] = Field(description="Mean over layers, by measure.")
    best: str = Field(description="The place with the highest centred P@1.")
    effect: float | None = Field(description="What the detoxification did; null if nobody says.")


class ProbeRetrievalResult(Result):
    """Bilingual sentence retrieval on a model's hidden states."""

    model: str
    pivot: str
    pooling: str
    places: list[str] = Field(description="Where states were read.")
    averaged: list[str] = Field(description="Over which of these the means are taken.")
    languages: list[LanguageRetrieval]
    layers: list[LayerRetrieval]
    correlations: list[Correlation] = Field(default=[])

    def tables(self) -> list[Table]:
        """Languages, then what is told about the effect."""
        return [self._languages(), *([self._correlations()] if self.correlations else [])]

    def headline(self) -> str:
        """P@1 of every language."""
        return "\n".join(f"{one.lang}\tP@1\t{one.figures['p1'].mean:.4f}" for one in self.languages)

    def _languages(self) -> Table:
        best = {(one.lang, one.place): one.figures for one in self.layers}
        rows: list[list[Cell]] = [
            [
                one.lang,
                one.pairs,
                f"{1 / one.pairs:.3f}",
                str(one.figures["p1"]),
                f"{one.figures['p1_from_pivot'].mean:.3f}, {one.figures['p1_to_pivot'].mean:.3f}",
                str(one.figures["p1_centred"]),
                f"{one.figures['p1_csls'].mean:.3f}",
                f"{one.figures['mrr'].mean:.3f}",
                str(one.figures["cosine"]),
                f"{best[one.lang, one.best]['p1_centred'].mean:.3f} ({one.best})",
                "" if one.effect is None else f"{one.effect:.3f}",
            ]
            for one in self.languages
        ]
        columns = ["lang", "n", "chance", "P@1", f"from, to {self.pivot}", "P@1, centred", "P@1, CSLS", "MRR"]
        columns += ["cosine of pairs", "best layer, centred", "effect"]
        title = f"retrieval of translations on {self.pooling} states of {self.model}"
        return Table(title=title, columns=columns, rows=rows, caption=self._caption())

    def _caption(self) -> str:
        lines = [
            f"Means over {', '.join(self.averaged)}; each layer alone is in layers.csv. Intervals are 95 %.",
            "P@1: share of sentences whose translation is the nearest of n, mean of both directions.",
            "Centred: less each language's mean. CSLS: less what is near to everything.",
            "The cosine of pairs looks at no other sentence; it was published as retrieval accuracy.",
        ]
        if repeated := sum(one.repeated for one in self.languages):
            lines.append(f"{repeated} pairs are left out, as one of their sentences is in another pair.")
        return "\n".join(lines)

    def _correlations(self) -> Table:
        rows: list[list[Cell]] = [
            [
                one.measure,
                str(one.pearson),
                str(one.spearman),
                _range(one.without),
                one.pearson.n,
            ]
            for one in self.correlations
        ]
        columns = ["measure", "Pearson", "Spearman", "Pearson, one language less", "languages"]
        caption = (
            "Across languages, of the mean over layers with the effect. Few languages: read the intervals."
        )
        return Table(title="Does it tell the effect?", columns=columns, rows=rows, caption=caption)


def _range(without: dict[str, float]) -> str:
    if not without:
        return ""
    low, high = min(without, key=without.__getitem__), max(without, key=without.__getitem__)
    return f"{without[low]:.3f} (no {low}) to {without[high]:.3f} (no {high})"
