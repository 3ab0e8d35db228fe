"""``detox probe predict-transfer``: what a detoxification may do in each language, before it is paid for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detox_cli.errors import BadData
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.probe.kept import SUMMARY, kept_folder
from detox_cli.services.probe_predict_transfer.held_out import (
    Bootstrap,
    held_out,
    line_through,
    skill,
    skill_since,
)
from detox_cli.services.probe_predict_transfer.known import (
    Point,
    points_in,
    points_of,
    read_retrieval,
    usual_pairs,
)
from detox_cli.services.probe_predict_transfer.pictures import write_pictures
from detox_cli.services.probe_predict_transfer.result import (
    Prediction,
    ProbePredictTransferResult,
    Skill,
)
from detox_cli.services.probe_retrieval.effect import LEAST
from detox_cli.services.probe_retrieval.result import ProbeRetrievalResult
from detox_cli.services.probe_retrieval.run import CORRELATED
from detox_cli.settings.probe_predict_transfer import ProbePredictTransferSettings
from detox_cli.statistics.line import Line

SILENT = Silent()
ALIKE = 1.1
"""Numbers of sentence pairs that differ by no more than this factor count as alike."""


def run(settings: ProbePredictTransferSettings, progress: Progress = SILENT) -> ProbePredictTransferResult:
    """Learn a line of the effect over retrieval from known languages, try it on those held out, and predict.

    Li, Yong & Bach (2024), section 6: the more similar a model's states of translations, the more a
    preference tuning in English does in that language. What a line over few languages is worth is measured
    by leaving each language out, and said beside the predictions.

    Raises:
        BadData: A folder is not of ``probe retrieval``, was measured otherwise, tells of fewer than four
            languages with an effect, or the measure does not vary between them.
        BadSettings: Something else is at the output.
    """
    target = read_retrieval(settings.folder)
    points = points_of(settings.known, target, settings.folder)
    line = line_through(points, settings.measure)
    if line is None:
        raise BadData(
            f"{settings.measure} is the same in all languages with an effect",
            where=", ".join(sorted({one.model for one in points})),
            hint="name another --measure",
        )
    work = _Work(settings, target, points, line, progress)
    folders = [settings.folder, *settings.known]
    return kept_folder(
        settings,
        settings.output,
        settings.overwrite,
        "probe predict-transfer",
        fingerprint(
            command="probe predict-transfer",
            settings=settings.model_dump(mode="json", include={"measure", "seed", "resamples"}),
            read=[read_retrieval(folder).model_dump(mode="json", exclude={"files"}) for folder in folders],
        ),
        ProbePredictTransferResult,
        work.fill,
        progress,
        inputs=[folder / SUMMARY for folder in folders],
    )


@dataclass(frozen=True)
class _Work:
    """What is known, and of which model more is wanted."""

    settings: ProbePredictTransferSettings
    target: ProbeRetrievalResult
    points: Sequence[Point]
    line: Line
    progress: Progress

    def fill(self, folder: Path) -> ProbePredictTransferResult:
        """Try, predict, and draw into the folder."""
        settings, points = self.settings, self.points
        self.progress.stage(f"predicting from {len(points)} known effects, each held out once")
        result = ProbePredictTransferResult(
            model=self.target.model,
            measure=settings.measure,
            known=sorted({one.model for one in points}),
            languages=len({one.lang for one in points}),
            predictions=self._predictions(),
            held_out=held_out(points, settings.measure, lambda one: one.lang),
            skills=self._skills(),
        )
        self._warn(result)
        write_pictures(result, self.line, folder, self.progress)
        return result

    def _predictions(self) -> list[Prediction]:
        known = [one.value(self.settings.measure) for one in self.points]
        found = []
        for one in self.target.languages:
            if one.effect is None or self.settings.known:
                value = one.figures[self.settings.measure]
                outside = not min(known) <= value.mean <= max(known)
                effect = self.line.new_point(value.mean)
                found.append(
                    Prediction(
                        lang=one.lang, value=value, effect=effect, outside=outside, measured=one.effect
                    )
                )
        return found

    def _skills(self) -> list[Skill]:
        """Every measure with languages held out; of several models also the chosen one with each of them."""
        draw = Bootstrap(self.settings.seed, self.settings.resamples)
        found = [skill(self.points, one, "language", lambda p: p.lang, draw) for one in CORRELATED]
        if len({one.model for one in self.points}) > 1:
            found.append(skill(self.points, self.settings.measure, "model", lambda p: p.model, draw))
        measured = points_in(self.target.model, self.target) if self.settings.known else []
        if len(measured) >= LEAST:
            found += [skill_since(self.points, measured, one, draw) for one in CORRELATED]
        return [one for one in found if one is not None]

    def _warn(self, result: ProbePredictTransferResult) -> None:
        own = next((one for one in result.skills if one.measure == result.measure), None)
        if own is None or own.gain.low <= 0:
            self.progress.warn(
                f"{result.measure} predicts languages that were held out no better than the mean effect of "
                "the others does, as far as these few tell"
            )
        if beyond := [one.lang for one in result.predictions if one.outside]:
            self.progress.warn(f"beyond what is known: {', '.join(beyond)}")
        counts = usual_pairs(self.target.languages), usual_pairs([one.retrieved for one in self.points])
        if max(counts) > ALIKE * min(counts):
            self.progress.warn(
                f"translations were looked for among {counts[0]} sentences here and among {counts[1]} where "
                "effects are known: figures of retrieval fall with that number; use --limit for both"
            )
