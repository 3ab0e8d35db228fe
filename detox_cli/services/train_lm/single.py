"""One training: from texts to the folder of a finished model."""

import logging
import time
from dataclasses import dataclass
from typing import Any

from accelerate import PartialState
from transformers import set_seed

from detox_cli.models.loading import Loaded, load_causal
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.models.weights import WeightForm
from detox_cli.output.progress import Progress
from detox_cli.runs.manifest import fingerprint, read_manifest
from detox_cli.runs.output import Claim, State
from detox_cli.scoring.perplexity import corpus_perplexity
from detox_cli.services.train_lm.data import Texts, digest
from detox_cli.services.train_lm.folder import Finished, save_expert
from detox_cli.services.train_lm.learning import Learnt, Lesson, learn, prepare
from detox_cli.services.train_lm.result import Expert, LmResult
from detox_cli.services.train_lm.trainer import keeping_of
from detox_cli.services.training.checkpoints import tidy
from detox_cli.services.training.log import measured_at, one_log
from detox_cli.services.training.processes import claimed, is_first, training_folder
from detox_cli.settings.train_lm import LmSettings

NOT_DECISIVE = {"output", "overwrite", "rejects", "strict", "keep_checkpoints", "keep_best", "checkpoints"}
NOT_DECISIVE |= {"eval_batch_size", "tracker", "parallel"}
NOT_DECISIVE |= {"data", "preset", "where", "text_column", "dataset_split", "sample", "limit", "dedupe"}
"""Settings that do not change the trained model; of files the texts count, not how they were chosen."""


@dataclass(frozen=True)
class Run:
    """What all steps of a run share."""

    settings: LmSettings
    texts: Texts
    source: ModelSource
    claim: Claim
    progress: Progress
    started: float


def train_one(settings: LmSettings, texts: Texts, progress: Progress) -> LmResult:
    """Train on ``texts``, and write the model with its card and manifest to ``settings.output``.

    Raises:
        BadSettings: The output is taken, or the model cannot be used.
        Missing: The model is not there.
    """
    started = time.time()
    source = find_model(settings.model, settings.revision)
    identity = identity_of(settings, texts, source)
    with claimed(settings.output, identity, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.stage("this run is finished already")
            return earlier_result(settings)
        return _train(Run(settings, texts, source, claim, progress, started))


def identity_of(settings: LmSettings, texts: Texts, source: ModelSource) -> str:
    """What decides the trained weights: texts, start and settings."""
    decisive = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
    return fingerprint(texts=texts.digest, start=source.fingerprint, **decisive)


def earlier_result(settings: LmSettings) -> LmResult:
    """What the manifest in the output says."""
    manifest = read_manifest(settings.output)
    assert manifest is not None
    return LmResult(files=[settings.output], **manifest["metrics"])


def load_start(settings: LmSettings, source: ModelSource) -> Loaded:
    """The model to start from: in memory, or on the device where its attention can only be had there."""
    form = WeightForm(attention=settings.attention)
    device = "cpu" if settings.attention in ("sdpa", "eager") else str(PartialState().device)
    return load_causal(source, device, settings.dtype, settings.trust_remote_code, form)


def _train(run: Run) -> LmResult:
    settings, progress = run.settings, run.progress
    progress.stage(f"loading {run.source.name}")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    loaded = load_start(settings, run.source)
    set_seed(settings.seed)
    lesson = prepare(settings, loaded, run.texts)
    if lesson.training.tokens.cut:
        progress.detail(f"{lesson.training.tokens.cut} texts exceed the limit and are cut")
    journal = run.claim.open_journal() if is_first() else None
    folder = training_folder(settings.output)
    learnt = learn(settings, lesson, folder, journal, progress)
    weights = learnt.trained.whole_weights()
    if journal is not None:
        with journal:
            log = one_log(journal.records())
        result = _result(run, [_expert(settings, run.texts, lesson, learnt, log)])
        finished = Finished(result, log, run.claim.fingerprint, run.started)
        save_expert(settings, loaded, lesson.model, finished, weights)
        tidy(folder, keeping_of(settings, bool(run.texts.held_out)))
        run.claim.finish()
    PartialState().wait_for_everyone()
    return earlier_result(settings)


def _expert(
    settings: LmSettings, texts: Texts, lesson: Lesson, learnt: Learnt, log: list[dict[str, Any]]
) -> Expert:
    trained = learnt.trained
    return Expert(
        folder=".",
        kind="lora" if settings.lora else "full",
        digest=digest([texts.training]),
        tokens=lesson.training.tokens,
        steps=trained.steps,
        kept_step=trained.kept_step,
        kept_loss=measured_at(log, trained.kept_step, ("loss",)).get("loss"),
        stopped_at=learnt.stopped_at,
        perplexity={side: corpus_perplexity(found) for side, found in learnt.losses.items() if found},
    )


def _result(run: Run, experts: list[Expert]) -> LmResult:
    texts = run.texts
    return LmResult(
        rows=texts.counts,
        files_read=texts.files,
        chosen=texts.choice.words,
        clean=texts.choice.clean,
        model=run.settings.model,
        risen=run.settings.ascent,
        experts=experts,
    )
