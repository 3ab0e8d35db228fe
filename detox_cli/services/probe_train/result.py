"""What ``probe train`` reports, as data and as tables."""

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.probe_train.controls import Control
from detox_cli.services.probe_train.figures import ProbeFigures
from detox_cli.services.probe_train.transfer import ALL, Transfer
from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate


class LayerProbe(BaseModel):
    """The probe of one place in the model."""

    model_config = ConfigDict(frozen=True)

    place: str = Field(description="embedding, the number of a block, or final.")
    file: str
    l2: float | None = Field(description="The penalty that was chosen; null for other methods.")
    epoch: int | None = Field(description="The epoch that was chosen, by the published training.")
    converged: bool = Field(description="Whether the optimum is reached, by the gradient that is left.")
    validation_loss: float
    validation_auroc: float
    natural: ProbeFigures = Field(description="On the test texts as they come.")
    balanced: ProbeFigures = Field(description="On as many test texts of either label.")
    random: Control | None = Field(description="Directions by chance at this place.")


class ProbeTrainResult(Result):
    """Linear probes on a model's hidden states."""

    model: str
    method: str
    pooling: str
    texts: dict[str, int] = Field(description="In train, validation and test; dropped, cut and rejected.")
    layers: list[LayerProbe]
    chosen: str = Field(description="The place whose probe is best on the validation texts.")
    shuffled: Control | None = Field(description="The chosen place's fit on shuffled labels.")
    transfers: list[Transfer] = Field(default=[])

    @property
    def best(self) -> LayerProbe:
        """The probe of the chosen place."""
        return next(one for one in self.layers if one.place == self.chosen)

    def tables(self) -> list[Table]:
        """The places of the model, then languages."""
        return [self._layers(), *([self._transfers()] if self.transfers else [])]

    def headline(self) -> str:
        """The AUROC of the chosen probe on texts as they come."""
        return f"{self.chosen}\tAUROC\t{self.best.natural.auroc.mean:.4f}"

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """What a probe is good for."""
        folder = next((path for path in self.files if path.is_dir()), None)
        return [f"detox probe vectors {self.model} --probe {folder}"] if folder else []

    def _layers(self) -> Table:
        rows: list[list[Cell]] = [
            [
                f"{one.place} *" if one.place == self.chosen else one.place,
                str(one.natural.auroc),
                str(one.natural.average_precision),
                str(one.natural.accuracy),
                str(one.natural.error),
                str(one.balanced.accuracy),
                str(one.balanced.auroc),
                f"{one.random.mean.mean:.3f}, at most {one.random.largest:.3f}" if one.random else "",
            ]
            for one in self.layers
        ]
        columns = ["layer", "AUROC", "AP", "accuracy", "ECE", "accuracy, balanced", "AUROC, balanced"]
        columns.append("AUROC by chance")
        title = f"{self.method} probes on {self.pooling} states of {self.model}"
        return Table(title=title, columns=columns, rows=rows, caption=self._caption())

    def _caption(self) -> str:
        best, texts = self.best, self.texts
        share = best.natural.labelled.mean
        lines = [
            f"* best on validation. Trained on {texts['train']} texts, chosen by {texts['validation']}, "
            f"measured on {texts['test']}, {100 * share:.1f} % toxic: calling all texts one label is "
            f"{100 * max(share, 1 - share):.1f} % accurate.",
            f"Balanced: n = {best.balanced.auroc.n}, half of them toxic. Intervals are 95 %.",
        ]
        if self.shuffled is not None:
            lines.append(
                f"The same fit on shuffled labels: AUROC {self.shuffled.mean} over {self.shuffled.mean.n} "
                f"shuffles, at most {self.shuffled.largest:.3f}."
            )
        lines.append("AUROC by chance: random directions, each with the sign that suits it.")
        told = {
            "dropped": "not trained on, as a copy is tested",
            "cut": "cut",
            "rejected": "rejected",
        }
        if counts := [f"{texts[name]} {words}" for name, words in told.items() if texts[name]]:
            lines.append(f"Texts: {', '.join(counts)}.")
        if loose := [one.place for one in self.layers if not one.converged and self.method != "published"]:
            lines.append(f"Not at its optimum: {', '.join(loose)}.")
        return "\n".join(lines)

    def _transfers(self) -> Table:
        tested = list(dict.fromkeys(one.tested for one in self.transfers))
        found = {(one.trained, one.tested): one.auroc for one in self.transfers}
        texts = {one.trained: one.texts for one in self.transfers}
        rows: list[list[Cell]] = [
            [name, texts[name], *(_short(found[name, other]) for other in tested)] for name in texts
        ]
        caption = (
            f"AUROC of the probe at {self.chosen}, trained in the row's language, on the column's texts; "
            f"{ALL} is every language. Intervals are in transfer.csv."
        )
        return Table(
            title="across languages", columns=["trained in", "n", *tested], rows=rows, caption=caption
        )


def _short(one: Estimate) -> str:
    return f"{one.mean:.3f}"
