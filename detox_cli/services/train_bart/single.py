"""One training: from rows to the folder of a finished rewriter."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from detox_cli.models.loading import Loaded, load_seq2seq
from detox_cli.models.rewriting import Rewriting
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.train_bart.abstain import Abstaining, check_abstain_text, measure_abstaining
from detox_cli.services.train_bart.batches import Encoded
from detox_cli.services.train_bart.data import Data
from detox_cli.services.train_bart.families import set_languages
from detox_cli.services.train_bart.files import frame_of
from detox_cli.services.train_bart.folder import COMMAND, BartRun, generation_config, save_rewriter
from detox_cli.services.train_bart.loop import Sides, fit
from detox_cli.services.train_bart.quality import Judges, judge, load_judges, rewrite
from detox_cli.services.train_bart.result import BartResult
from detox_cli.services.train_bart.rows import Source, Split, sources_with_references
from detox_cli.services.train_bart.trainer import Measure, keeping_of
from detox_cli.services.training.log import measured_at
from detox_cli.services.training.processes import training_folder
from detox_cli.services.training.resuming import Trained
from detox_cli.services.training.single_run import Kind, Learnt
from detox_cli.settings.train import BartSettings

FINAL_ROWS = 500
"""Held-out sources in the closing measurement, other ones than those that chose the checkpoint."""

NOT_DECISIVE = {"output", "overwrite", "rejects", "strict", "keep_checkpoints", "eval_batch_size"}
NOT_DECISIVE |= {"pairs", "origin", "held_out", "abstain", "keep_best", "tracker"}
"""Settings that do not change the trained model; of files the rows count, not the name."""


def identity_of(settings: BartSettings, data: Data, source: ModelSource) -> str:
    """What decides the trained weights: rows, start and settings."""
    decisive = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
    return fingerprint(rows=data.digest, start=source.fingerprint, **decisive)


def begin(run: BartRun) -> Callable[[Journal | None], Learnt]:
    """Load and encode; what it hands back trains."""
    return partial(_learn, run, *prepare(run))


def _learn(
    run: BartRun,
    loaded: Loaded,
    judges: Judges | None,
    sides: Sides,
    closing: list[Source],
    journal: Journal | None,
) -> Learnt:
    folder = training_folder(run.settings.output)
    trained = fit(run.settings, loaded, sides, folder, journal, run.progress)

    def save(log: list[dict[str, Any]], weights: Mapping[str, Any] | None) -> None:
        chosen_at = measured_at(log, trained.kept_step, ("loss", "J"))
        result = _result(run, loaded, sides, closing, trained, chosen_at)
        save_rewriter(run, loaded, result, log, judges.identities if judges else {}, weights)

    return Learnt(trained, keeping_of(run.settings, len(sides.held_out) > 0), save)


def prepare(run: BartRun) -> tuple[Loaded, Judges | None, Sides, list[Source]]:
    """Load model and scorers, and turn rows into token ids; the last value is for the closing measurement."""
    settings = run.settings
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


def teach(run: BartRun, loaded: Loaded) -> Rewriting:
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


def _result(
    run: BartRun,
    loaded: Loaded,
    sides: Sides,
    closing: list[Source],
    trained: Trained,
    chosen_at: dict[str, float],
) -> BartResult:
    """What was trained on, and how good model and plain copying are."""
    run.progress.stage("measuring the finished rewriter")
    measure = sides.measure
    sources = closing or measure.sources
    systems = {}
    if sources:
        written = _written(loaded, measure, [source.text for source in sources])
        systems = {"model": written, "copy": [source.toxic for source in sources]}
    which = "that did not choose the checkpoint" if closing else "the same that chose the checkpoint"
    return BartResult(
        files=[run.settings.output],
        files_read=run.data.files,
        leaks=run.data.leaks,
        rows=run.data.counts | {"cut to the length limit": sides.training.cut + sides.held_out.cut},
        truncation={"trained on": sides.training.truncation, "held out": sides.held_out.truncation},
        steps=trained.steps,
        kept_step=trained.kept_step,
        quality={
            name: judge(sources, outputs, measure.judges, measure.habits) for name, outputs in systems.items()
        },
        measured_on=f"{len(sources)} held-out sources, {which}" if sources else "no rows were held out",
        abstaining=_abstaining(run, loaded, measure, systems.get("model", [])),
        chosen_at=chosen_at,
    )


def _written(loaded: Loaded, measure: Measure, texts: Sequence[str]) -> list[str]:
    return rewrite(loaded.model, loaded.tokenizer, texts, measure.max_length, measure.batch_size)


def _abstaining(run: BartRun, loaded: Loaded, measure: Measure, rewrites: Sequence[str]) -> Abstaining | None:
    """How well it declines; ``rewrites`` is what it wrote for sources that can be rewritten."""
    if measure.habits.abstain_text is None:
        return None
    sources = sources_with_references(run.data.abstain.held_out, FINAL_ROWS)
    answers = _written(loaded, measure, [source.text for source in sources])
    return measure_abstaining(measure.habits, answers, rewrites)


BART = Kind(COMMAND, BartResult, identity_of, begin)
