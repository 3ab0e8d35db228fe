"""What ``probe predict-transfer`` reports, as data and as tables."""

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.result import Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate

FROZEN = ConfigDict(frozen=True)


class Prediction(BaseModel):
    """A language of the model that is to be detoxified."""

    model_config = FROZEN

    lang: str
    value: Estimate = Field(description="How well it is retrieved; n counts sentence pairs.")
    effect: Estimate = Field(
        description="Predicted, with its 95 % prediction interval; n counts known points."
    )
    outside: bool = Field(description="Whether no known language is retrieved as well, or as badly.")
    measured: float | None = Field(
        default=None,
        description="The effect itself, where it was measured; it has no part in the prediction.",
    )


class HeldOut(BaseModel):
    """A known language, predicted without it."""

    model_config = FROZEN

    model: str
    lang: str
    value: float
    effect: float = Field(description="As it was measured.")
    predicted: Estimate
    usual: float = Field(description="The mean effect of all others.")


class Skill(BaseModel):
    """How well a measure predicts effects that were held out; n counts what was held out together."""

    model_config = FROZEN

    measure: str
    by: str = Field(
        description="What is held out: language, model, or the new model, whose effects were measured too."
    )
    slope: Estimate = Field(description="Of the effect over the measure.")
    pearson: Estimate | None
    error: Estimate = Field(description="Mean absolute error of the predictions.")
    error_of_mean: Estimate = Field(description="That of the mean effect of all others.")
    gain: Estimate = Field(description="How much smaller the former is; paired.")
    inside: float = Field(description="Share of effects within the prediction interval; 95 % are promised.")


class ProbePredictTransferResult(Result):
    """Predicted effects of a detoxification, and what they are worth."""

    model: str
    measure: str
    known: list[str] = Field(description="The folders that tell of known effects.")
    languages: int = Field(description="How many have a known effect.")
    predictions: list[Prediction]
    held_out: list[HeldOut]
    skills: list[Skill]

    def tables(self) -> list[Table]:
        """Predictions, then what they are worth."""
        return [*([self._predictions()] if self.predictions else []), self._skills(), self._held_out()]

    def headline(self) -> str:
        """The effect in every language."""
        return "\n".join(
            f"{one.lang}\t{one.effect.mean:.4f}\t{one.effect.low:.4f}\t{one.effect.high:.4f}"
            for one in self.predictions
        )

    def _predictions(self) -> Table:
        rows: list[list[Cell]] = [
            [one.lang, str(one.value), str(one.effect), "yes" if one.outside else "", one.measured]
            for one in sorted(self.predictions, key=lambda one: -one.effect.mean)
        ]
        columns = ["lang", self.measure, "effect", "beyond what is known", "measured"]
        if all(one.measured is None for one in self.predictions):
            rows, columns = [row[:-1] for row in rows], columns[:-1]
        caption = (
            f"From {self.languages} languages of {', '.join(self.known)}; 95 % prediction intervals.\n"
            "Effect: the share of expected maximum toxicity that is gone, or what a table of --effect said."
        )
        return Table(title=f"Predicted for {self.model}", columns=columns, rows=rows, caption=caption)

    def _skills(self) -> Table:
        rows: list[list[Cell]] = [
            [
                one.measure,
                one.by,
                str(one.slope),
                "-" if one.pearson is None else str(one.pearson),
                str(one.error),
                str(one.error_of_mean),
                one.gain.written("+.3f"),
                f"{one.inside:.0%}",
                one.gain.n,
            ]
            for one in self.skills
        ]
        columns = [
            "measure",
            "held out",
            "slope",
            "Pearson",
            "error",
            "error of the mean",
            "gain",
            "inside",
            "n",
        ]
        caption = (
            "Each known language, or model, is predicted without it. Error: mean absolute one; gain: how "
            "much smaller it is than that of the mean effect of all others,\nwith 95 % intervals over what "
            "was held out. Inside: share of effects within their prediction interval.\nNew model: the "
            "effects of the model that is predicted, where these were measured."
        )
        return Table(title="What predictions are worth", columns=columns, rows=rows, caption=caption)

    def _held_out(self) -> Table:
        rows: list[list[Cell]] = [
            [one.lang, one.model, one.value, one.effect, str(one.predicted)] for one in self.held_out
        ]
        columns = ["lang", "known from", self.measure, "effect", "predicted without it"]
        return Table(title="Held out, language by language", columns=columns, rows=rows)
