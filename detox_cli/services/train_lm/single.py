"""One training: from texts to the folder of a finished model."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from accelerate import PartialState

from detox_cli.models.loading import Loaded, load_causal
from detox_cli.models.sources import ModelSource
from detox_cli.models.weights import WeightForm
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.scoring.perplexity import corpus_perplexity
from detox_cli.services.train_lm.data import Texts, digest
from detox_cli.services.train_lm.folder import COMMAND, LmRun, save_expert
from detox_cli.services.train_lm.learning import Fitted, Lesson, fit, prepare
from detox_cli.services.train_lm.parts import Overlap
from detox_cli.services.train_lm.result import Expert, LmResult
from detox_cli.services.train_lm.trainer import keeping_of
from detox_cli.services.training.log import measured_at
from detox_cli.services.training.processes import training_folder
from detox_cli.services.training.single_run import Kind, Learnt
from detox_cli.settings.train_lm import LmSettings

NOT_DECISIVE = {"output", "overwrite", "rejects", "strict", "keep_checkpoints", "keep_best", "checkpoints"}
NOT_DECISIVE |= {"eval_batch_size", "tracker", "parallel"}
NOT_DECISIVE |= {"data", "preset", "where", "text_column", "dataset_split", "sample", "limit", "dedupe"}
"""Settings that do not change the trained model; of files the texts count, not how they were chosen."""


def identity_of(settings: LmSettings, texts: Texts, source: ModelSource) -> str:
    """What decides the trained weights: texts, start and settings."""
    decisive = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
    return fingerprint(texts=texts.digest, start=source.fingerprint, **decisive)


def load_start(settings: LmSettings, source: ModelSource) -> Loaded:
    """The model to start from: in memory, or on the device where its attention can only be had there."""
    form = WeightForm(attention=settings.attention)
    device = "cpu" if settings.attention in ("sdpa", "eager") else str(PartialState().device)
    return load_causal(source, device, settings.dtype, settings.trust_remote_code, form)


def begin(run: LmRun) -> Callable[[Journal | None], Learnt]:
    """Load and encode; what it hands back trains."""
    loaded = load_start(run.settings, run.source)
    lesson = prepare(run.settings, loaded, run.data)
    if lesson.training.tokens.cut:
        run.progress.detail(f"{lesson.training.tokens.cut} texts exceed the limit and are cut")
    return partial(_learn, run, loaded, lesson)


def _learn(run: LmRun, loaded: Loaded, lesson: Lesson, journal: Journal | None) -> Learnt:
    settings, texts = run.settings, run.data
    fitted = fit(settings, lesson, training_folder(settings.output), journal, run.progress)

    def save(log: list[dict[str, Any]], weights: Mapping[str, Any] | None) -> None:
        result = result_of(settings, texts, [_expert(settings, texts, lesson, fitted, log)])
        save_expert(run, Loaded(lesson.model, loaded.tokenizer, run.source), result, log, weights)

    return Learnt(fitted.trained, keeping_of(settings, bool(texts.held_out)), save)


def _expert(
    settings: LmSettings, texts: Texts, lesson: Lesson, fitted: Fitted, log: list[dict[str, Any]]
) -> Expert:
    trained = fitted.trained
    return Expert(
        folder=".",
        kind="lora" if settings.lora else "full",
        digest=digest([texts.training]),
        tokens=lesson.training.tokens,
        steps=trained.steps,
        kept_step=trained.kept_step,
        kept_loss=measured_at(log, trained.kept_step, ("loss",)).get("loss"),
        stopped_at=fitted.stopped_at,
        perplexity={side: corpus_perplexity(found) for side, found in fitted.losses.items() if found},
    )


def result_of(
    settings: LmSettings, texts: Texts, experts: list[Expert], shared: Overlap | None = None
) -> LmResult:
    """What is reported of one model or of several; ``shared`` is what their parts have in common."""
    return LmResult(
        files=[settings.output],
        rows=texts.counts,
        files_read=texts.files,
        chosen=texts.choice.words,
        clean=texts.choice.clean,
        model=settings.model,
        risen=settings.ascent,
        experts=experts,
        overlap=shared,
    )


LM = Kind(COMMAND, LmResult, identity_of, begin)
