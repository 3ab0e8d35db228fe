"""One training: from texts to the folder of a finished detector."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from accelerate import PartialState

from detox_cli.data.marked.read import MarkedText
from detox_cli.models.sources import ModelSource
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.scoring.spans.agreement import Overlap, agreement
from detox_cli.scoring.spans.load import detector_content, load_span_detector
from detox_cli.scoring.spans.tagger import THRESHOLD_KEY
from detox_cli.services.train_spans.data import Posts
from detox_cli.services.train_spans.encode import EncodedPosts
from detox_cli.services.train_spans.folder import COMMAND, SpansRun, save_detector
from detox_cli.services.train_spans.measuring import best_threshold, overlaps_at, overlaps_of, words_of
from detox_cli.services.train_spans.result import MODEL, SpansResult
from detox_cli.services.train_spans.start import load_start
from detox_cli.services.train_spans.trainer import Lesson, eval_tokens, fit, keeping_of
from detox_cli.services.training.log import measured_at
from detox_cli.services.training.processes import training_folder
from detox_cli.services.training.resuming import Trained
from detox_cli.services.training.single_run import Kind, Learnt
from detox_cli.settings.train_spans import SpansSettings
from detox_cli.statistics.bootstrap import paired_difference

NOT_DECISIVE = {"output", "overwrite", "rejects", "strict", "keep_checkpoints", "keep_best", "checkpoints"}
NOT_DECISIVE |= {"eval_batch_size", "tracker", "data", "test", "baseline"}
"""Settings that do not change the trained model; of files the texts count, of baselines their content."""


def identity_of(settings: SpansSettings, posts: Posts, source: ModelSource) -> str:
    """What decides the trained weights and what is reported: texts, start, settings, baselines."""
    decisive = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
    beside = [detector_content(name) for name in settings.baseline]
    return fingerprint(texts=posts.digest, start=source.fingerprint, beside=beside, **decisive)


def begin(run: SpansRun) -> Callable[[Journal | None], Learnt]:
    """Load and encode; what it hands back trains."""
    settings, posts = run.settings, run.data
    loaded = load_start(settings, run.source)
    training, validation = (
        EncodedPosts(texts, loaded, settings.max_length) for texts in (posts.training, posts.validation)
    )
    if more := training.tokens.windows - training.tokens.texts:
        run.progress.detail(f"long texts are read in several windows, {more} more than there are texts")
    lesson = Lesson(loaded, training, validation, posts.validation)
    return partial(_learn, run, lesson)


def _learn(run: SpansRun, lesson: Lesson, journal: Journal | None) -> Learnt:
    settings = run.settings
    trained = fit(settings, lesson, training_folder(settings.output), journal, run.progress)
    run.progress.stage("measuring the finished detector")
    threshold = _threshold(settings, lesson)
    words = _words(settings, lesson, run.data.test)

    def save(log: list[dict[str, Any]], weights: Mapping[str, Any] | None) -> None:
        setattr(lesson.loaded.model.config, THRESHOLD_KEY, threshold)
        found = {MODEL: overlaps_at(run.data.test, words, threshold)}
        scorers = {}
        for name in settings.baseline:
            detector = load_span_detector(name)
            run.progress.stage(f"measuring {name}")
            found[name], scorers[name] = overlaps_of(detector, run.data.test), detector.identity
        chosen_at = measured_at(log, trained.kept_step, ("loss", "F1"))
        result = _result(run, lesson, trained, threshold, chosen_at, found)
        save_detector(run, lesson.loaded, result, log, scorers, weights)

    return Learnt(trained, keeping_of(settings, bool(lesson.texts)), save)


def _words(settings: SpansSettings, lesson: Lesson, texts: Sequence[MarkedText]) -> list[list[Any]]:
    lesson.loaded.model.to(PartialState().device)
    return words_of(lesson.loaded, texts, settings.max_length, eval_tokens(settings))


def _threshold(settings: SpansSettings, lesson: Lesson) -> float:
    """The one that was asked for, or the best on the texts that choose."""
    if settings.threshold is not None:
        return settings.threshold
    return best_threshold(lesson.texts, _words(settings, lesson, lesson.texts)).threshold


def _result(
    run: SpansRun,
    lesson: Lesson,
    trained: Trained,
    threshold: float,
    chosen_at: dict[str, float],
    found: Mapping[str, Sequence[Overlap]],
) -> SpansResult:
    test = run.data.test
    f1 = {system: [one.f1 for one in overlaps] for system, overlaps in found.items()}
    return SpansResult(
        files=[run.settings.output],
        rows=run.data.counts,
        files_read=run.data.files,
        tokens=lesson.training.tokens,
        parameters=sum(weight.numel() for weight in lesson.loaded.model.parameters()),
        steps=trained.steps,
        kept_step=trained.kept_step,
        threshold=threshold,
        chosen_at=chosen_at,
        quality={system: agreement(overlaps) for system, overlaps in found.items()} if test else {},
        ahead={name: paired_difference(f1[MODEL], f1[name]) for name in f1 if name != MODEL} if test else {},
        measured_on=f"{len(test)} texts that neither trained nor chose anything" if test else "nothing",
    )


SPANS = Kind(COMMAND, SpansResult, identity_of, begin)
