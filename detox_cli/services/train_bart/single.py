"""One training: from rows to the folder of a finished rewriter."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers import set_seed

from detox_cli.models.loading import Loaded, load_seq2seq
from detox_cli.models.rewriting import Rewriting
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.manifest import fingerprint, read_manifest
from detox_cli.runs.output import Claim, State
from detox_cli.services.train_bart.abstain import Abstaining, check_abstain_text, measure_abstaining
from detox_cli.services.train_bart.batches import Encoded
from detox_cli.services.train_bart.data import Data
from detox_cli.services.train_bart.families import set_languages
from detox_cli.services.train_bart.files import frame_of
from detox_cli.services.train_bart.folder import Finished, generation_config, save_rewriter
from detox_cli.services.train_bart.loop import Sides, fit
from detox_cli.services.train_bart.quality import Judges, judge, load_judges, rewrite
from detox_cli.services.train_bart.result import BartResult
from detox_cli.services.train_bart.rows import Source, Split, sources_with_references
from detox_cli.services.train_bart.trainer import Measure, keeping_of
from detox_cli.services.training.checkpoints import tidy
from detox_cli.services.training.log import measured_at, one_log
from detox_cli.services.training.processes import claimed, training_folder
from detox_cli.services.training.resuming import Trained
from detox_cli.settings.train import BartSettings

FINAL_ROWS = 500
"""Held-out sources in the closing measurement, other ones than those that chose the checkpoint."""

NOT_DECISIVE = {"output", "overwrite", "rejects", "strict", "keep_checkpoints", "eval_batch_size"}
NOT_DECISIVE |= {"pairs", "origin", "held_out", "abstain", "keep_best", "tracker"}
"""Settings that do not change the trained model; of files the rows count, not the name."""


@dataclass(frozen=True)
class Run:
    """What all parts of a run share."""

    settings: BartSettings
    data: Data
    source: ModelSource
    claim: Claim
    progress: Progress
    started: float


def train_one(settings: BartSettings, data: Data, progress: Progress) -> BartResult:
    """Train on ``data``, and write the model with its card and manifest to ``settings.output``.

    Raises:
        BadSettings: The output is taken, or the model cannot be used.
        Missing: The model or a scorer is not there.
    """
    started = time.time()
    source = find_model(settings.model, settings.revision)
    identity = identity_of(settings, data, source)
    with claimed(settings.output, identity, overwrite=settings.overwrite) as claim:
        if claim.state is State.FINISHED:
            progress.stage("this run is finished already")
            return _earlier_result(settings.output)
        return _train(Run(settings, data, source, claim, progress, started))


def identity_of(settings: BartSettings, data: Data, source: ModelSource) -> str:
    """What decides the trained weights: rows, start and settings."""
    decisive = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
    return fingerprint(rows=data.digest, start=source.fingerprint, **decisive)


def _earlier_result(output: Path) -> BartResult:
    manifest = read_manifest(output)
    assert manifest is not None
    return BartResult(files=[output], **manifest["metrics"])


def _train(run: Run) -> BartResult:
    loaded, judges, sides, closing = prepare(run)
    journal = run.claim.open_journal() if PartialState().is_main_process else None
    folder = training_folder(run.settings.output)
    trained = fit(run.settings, loaded, sides, folder, journal, run.progress)
    weights = trained.whole_weights()
    if journal is not None:
        with journal:
            log = one_log(journal.records())
        metrics = _metrics(run, loaded, sides, closing, trained) | {
            "chosen_at": measured_at(log, trained.kept_step, ("loss", "J"))
        }
        _save(run, loaded, judges, metrics, log, weights)
        tidy(folder, keeping_of(run.settings, len(sides.held_out) > 0))
        run.claim.finish()
    PartialState().wait_for_everyone()
    return _earlier_result(run.settings.output)


def prepare(run: Run) -> tuple[Loaded, Judges | None, Sides, list[Source]]:
    """Load model and scorers, and turn rows into token ids; the last value is for the closing measurement."""
    settings = run.settings
    run.progress.stage(f"loading {run.source.name}")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    set_seed(settings.seed)
    loaded = load_seq2seq(run.source, "cpu", "float32", settings.trust_remote_code)
    judges = load_judges(settings) if settings.select == "j" else None
    limit = longest(settings, loaded, run.progress)
    habits = teach(run, loaded)
    loaded.model.generation_config = generation_config(settings, loaded, limit)
    choosing, closing = measured_sources(run.data.split, settings.eval_rows)
    measure = Measure(choosing, judges, limit, settings.eval_batch_size, habits)
    training, held_out = (
        Encoded(side, loaded.tokenizer, limit) for side in (run.data.training, run.data.held_out)
    )
    if training.cut:
        run.progress.warn(f"{training.cut} training rows exceed {limit} tokens and are cut")
    return loaded, judges, Sides(training, held_out, measure), closing


def teach(run: Run, loaded: Loaded) -> Rewriting:
    """Put languages, frame and the way to decline into tokenizer and configuration, which are saved."""
    settings, habits = run.settings, frame_of(run.settings)
    set_languages(settings, loaded)
    if settings.source_lang and len(run.data.languages) > 1:
        listed = ", ".join(run.data.languages)
        run.progress.warn(f"the rows are in {listed}; all are given to the model as {settings.source_lang}")
    if habits.abstain_text is not None:
        check_abstain_text(habits.abstain_text, loaded.tokenizer)
    habits.put_into(loaded.model.config)
    return habits


def longest(settings: BartSettings, loaded: Loaded, progress: Progress) -> int:
    """The length limit in tokens: what was asked for, or less if the model has fewer positions."""
    positions = getattr(loaded.model.config, "max_position_embeddings", None) or settings.max_length
    limit = int(min(settings.max_length, positions, loaded.tokenizer.model_max_length))
    if limit < settings.max_length:
        progress.detail(f"{settings.model} reads at most {limit} tokens")
    return limit


def measured_sources(split: Split, rows: int) -> tuple[list[Source], list[Source]]:
    """Held-out sources that choose the checkpoint, and others for the end if there are enough."""
    sources = sources_with_references(split.held_out, rows + FINAL_ROWS)
    border = rows if len(sources) >= rows + 50 else len(sources) // 2
    return (sources[:border], sources[border:]) if len(sources) >= 40 else (sources, [])


def _metrics(
    run: Run, loaded: Loaded, sides: Sides, closing: list[Source], trained: Trained
) -> dict[str, Any]:
    """The fields of the result: what was trained on, and how good model and plain copying are."""
    run.progress.stage("measuring the finished rewriter")
    measure = sides.measure
    sources = closing or measure.sources
    systems = {}
    if sources:
        written = _written(loaded, measure, [source.text for source in sources])
        systems = {"model": written, "copy": [source.toxic for source in sources]}
    which = "that did not choose the checkpoint" if closing else "the same that chose the checkpoint"
    return {
        "files_read": run.data.files,
        "leaks": run.data.leaks,
        "rows": run.data.counts | {"cut to the length limit": sides.training.cut + sides.held_out.cut},
        "truncation": {"trained on": sides.training.truncation, "held out": sides.held_out.truncation},
        "steps": trained.steps,
        "kept_step": trained.kept_step,
        "quality": {
            name: judge(sources, outputs, measure.judges, measure.habits) for name, outputs in systems.items()
        },
        "measured_on": f"{len(sources)} held-out sources, {which}" if sources else "no rows were held out",
        "abstaining": _abstaining(run, loaded, measure, systems.get("model", [])),
    }


def _written(loaded: Loaded, measure: Measure, texts: Sequence[str]) -> list[str]:
    return rewrite(loaded.model, loaded.tokenizer, texts, measure.max_length, measure.batch_size)


def _abstaining(run: Run, loaded: Loaded, measure: Measure, rewrites: Sequence[str]) -> Abstaining | None:
    """How well it declines; ``rewrites`` is what it wrote for sources that can be rewritten."""
    if measure.habits.abstain_text is None:
        return None
    sources = sources_with_references(run.data.abstain.held_out, FINAL_ROWS)
    answers = _written(loaded, measure, [source.text for source in sources])
    return measure_abstaining(measure.habits, answers, rewrites)


def _save(
    run: Run,
    loaded: Loaded,
    judges: Judges | None,
    metrics: dict[str, Any],
    log: list[dict[str, Any]],
    weights: Mapping[str, Any] | None,
) -> None:
    result = BartResult(files=[run.settings.output], **metrics)
    scorers = judges.identities if judges else {}
    finished = Finished(result, log, scorers, run.claim.fingerprint, run.started)
    save_rewriter(run.settings, loaded, finished, weights)
