"""What ``eval calibrate`` reports, as data and as tables."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from detox_cli.services.eval_calibrate.soft import SoftFigures
from detox_cli.services.result import ROWS, AtHand, Cell, Result, Table
from detox_cli.statistics.bootstrap import Estimate

Standing = Literal["map", "too few labels", "no better than chance", "no labels"]
"""What a language has: a map of its own, or the reason why it has none."""


class LanguageEvidence(BaseModel):
    """A scorer against the labels of one language; ``all`` is every text."""

    model_config = ConfigDict(frozen=True)

    lang: str
    source: str | None = Field(description="The file, where a language has labels of several; null for all.")
    texts: int
    toxic: Estimate = Field(description="Share of texts that people call toxic.")
    auroc: Estimate | None = Field(description="P(a toxic text scores above another); null with one class.")
    average_precision: Estimate | None
    error: Estimate = Field(description="Expected calibration error of the scores as they are.")
    error_after: Estimate | None = Field(description="The same through a map that has not seen the text.")
    accuracy_at_half: Estimate | None = Field(description="Balanced accuracy at a score of .5.")
    accuracy_after: Estimate | None = Field(description="The same at the threshold of such a map.")
    soft: SoftFigures | None = Field(default=None, description="Where labels are numbers: how near it comes.")


class FunctionScore(BaseModel):
    """The cases of one function of HateCheck."""

    model_config = ConfigDict(frozen=True)

    lang: str
    function: str
    hateful: bool = Field(description="What people say of all its cases.")
    right_at_half: Estimate = Field(description="Share decided rightly at a score of .5.")
    right_after: Estimate = Field(description="The same at the threshold of the map.")


class EvalCalibrateResult(Result):
    """How far a scorer can be believed."""

    scorer: str
    identity: str
    languages: list[LanguageEvidence]
    coverage: dict[str, Standing] = Field(description="By language: `map`, or why there is none.")
    thresholds: dict[str, float] = Field(description="P(toxic) from which a text counts as toxic, by map.")
    hatecheck: list[FunctionScore] = Field(default=[])
    unscored: int = Field(description="Texts to which the scorer gives no score; they count nowhere.")
    rejects: int = Field(description="Rows that cannot be used.")
    cut: int = Field(description="Texts longer than the scorer reads.")

    def tables(self) -> list[Table]:
        """The evidence by language, then the labels' numbers and HateCheck, where there are any."""
        found = [self._evidence()]
        if any(one.soft for one in self.languages):
            found.append(self._numbers())
        if self.hatecheck:
            found.append(self._functions())
        return found

    def headline(self) -> str:
        """The AUROC of every language."""
        return "\n".join(
            f"{one.lang}\tAUROC\t{one.auroc.mean:.4f}"
            for one in self.languages
            if one.auroc is not None and one.source is None
        )

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """How the map is used."""
        folder = next((path for path in self.files if Path(path).is_dir()), None)
        areas = {one.lang: one.auroc.mean for one in self.languages if one.auroc and one.source is None}
        with_map = [lang for lang, how in self.coverage.items() if how == "map"]
        if folder is None or not with_map:
            return []
        best = max(with_map, key=areas.__getitem__)
        scorer = f"calibrated:{folder}#{best}"
        return [f"detox eval generation MODEL --prompts {rows.prompts} --scorers {scorer} -o measured"]

    def _evidence(self) -> Table:
        rows: list[list[Cell]] = [
            [
                one.lang,
                one.source or "",
                one.texts,
                f"{100 * one.toxic.mean:.1f}",
                _shown(one.auroc),
                _shown(one.average_precision),
                _shown(one.error),
                _shown(one.error_after),
                _shown(one.accuracy_at_half),
                _shown(one.accuracy_after),
                self.coverage.get(one.lang, "") if one.source is None else "",
            ]
            for one in self.languages
        ]
        columns = ["lang", "file", "n", "toxic %", "AUROC", "AP", "ECE", "ECE, mapped", "bal. acc. at .5"]
        columns += ["bal. acc., mapped", "evidence"]
        return Table(
            title=f"{self.scorer} against human labels", columns=columns, rows=rows, caption=self._caption()
        )

    def _caption(self) -> str:
        lines = [
            f"{self.identity}",
            f"Mapped: by isotonic maps that have not seen the text (5 folds), at {self._threshold()}.",
            "Intervals are 95 %: DeLong's for AUROC, else bootstrap over texts. ECE: 15 bins of equal width.",
        ]
        without = {lang: why for lang, why in self.coverage.items() if why == "no labels"}
        if without:
            lines.append(f"No labels, so nothing is known: {', '.join(without)}.")
        if self.unscored or self.rejects or self.cut:
            lines.append(
                f"{self.unscored} texts have no score, {self.rejects} rows cannot be used, {self.cut} texts "
                "are cut."
            )
        return "\n".join(lines)

    def _threshold(self) -> str:
        cut = next((one.soft.cut for one in self.languages if one.soft), None)
        return "the share of toxic texts" if cut is None else f"{cut:g}"

    def _numbers(self) -> Table:
        rows: list[list[Cell]] = [
            [
                one.lang,
                one.source or "",
                soft.label.n,
                *map(_shown, (soft.label, soft.distance, soft.distance_after, soft.change)),
                *map(_shown, (soft.correlation, soft.correlation_after)),
                *map(_shown, (soft.agreement, soft.agreement_after)),
            ]
            for one in self.languages
            if (soft := one.soft)
        ]
        columns = ["lang", "file", "n", "mean label", "MAE", "MAE, mapped", "change", "Spearman"]
        columns += ["Spearman, mapped", f"agree at {self._threshold()}", "agree, mapped"]
        caption = (
            "MAE: mean absolute difference of score and label; the change is paired. Bootstrap over texts."
        )
        return Table(title="the labels' own numbers", columns=columns, rows=rows, caption=caption)

    def _functions(self) -> Table:
        rows: list[list[Cell]] = [
            [
                one.lang,
                one.function,
                "hateful" if one.hateful else "not hateful",
                str(one.right_at_half),
                str(one.right_after),
                one.right_at_half.n,
            ]
            for one in self.hatecheck
        ]
        columns = ["lang", "function", "people say", "right at .5", "right, mapped", "n"]
        caption = (
            "Share of cases decided rightly; intervals are Wilson's. Mapped: at the threshold of the map."
        )
        return Table(title="HateCheck", columns=columns, rows=rows, caption=caption)


def _shown(estimate: Estimate | None) -> str:
    return "-" if estimate is None else str(estimate)
