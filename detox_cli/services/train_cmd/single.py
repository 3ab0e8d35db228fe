"""One training: from chains to the folder of a finished model."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from accelerate import PartialState

from detox_cli.data.chains.encode import ChainEncoder
from detox_cli.errors import BadData, BadSettings
from detox_cli.models.loading import Loaded, load_causal, load_seq2seq, read_config
from detox_cli.models.sources import ModelSource
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.train_cmd.adapters import with_adapter
from detox_cli.services.train_cmd.batches import ChainRows, Layout
from detox_cli.services.train_cmd.building import Lessons, build_trainer, keeping_of, recipe_of
from detox_cli.services.train_cmd.data import Data
from detox_cli.services.train_cmd.encode import NEGATIVE_TOO_LONG, TOO_LONG, Encoded, encode
from detox_cli.services.train_cmd.folder import COMMAND, CmdRun, save_model
from detox_cli.services.train_cmd.reference import with_reference
from detox_cli.services.train_cmd.result import CmdResult
from detox_cli.services.training.log import journal_listener, measured_at
from detox_cli.services.training.processes import training_folder
from detox_cli.services.training.quantized import IN_FOUR_BITS, load_start
from detox_cli.services.training.recipe import number_type
from detox_cli.services.training.resuming import Trained, find_start, train
from detox_cli.services.training.sharding import WHOLE, needs_whole, sizes
from detox_cli.services.training.single_run import Kind, Learnt
from detox_cli.settings.train_cmd import CmdSettings

NOT_DECISIVE = {"output", "overwrite", "rejects", "strict", "keep_checkpoints", "keep_best", "checkpoints"}
NOT_DECISIVE |= {"data", "limit", "eval_batch_size", "tracker"}
"""Settings that do not change the tuned model; of files the rows count, not the name."""
SHOWN = {
    "loss": "loss",
    "contrast": "contrast",
    "eval_loss": "held-out loss",
    "eval_told_apart": "told apart",
}
AT_STEP = ("loss", "perplexity", "told_apart")


def identity_of(settings: CmdSettings, data: Data, source: ModelSource) -> str:
    """What decides the trained weights: chains, start and settings."""
    decisive = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
    return fingerprint(rows=data.digest, start=source.fingerprint, settings=decisive)


def begin(run: CmdRun) -> Callable[[Journal | None], Learnt]:
    """Load and encode; what it hands back trains."""
    settings, source = run.settings, run.source
    apart = read_config(source, settings.trust_remote_code).is_encoder_decoder
    loaded = load_start(load_seq2seq if apart else load_causal, settings, source)
    sides = encode_sides(settings, run.data, loaded.tokenizer, loaded.model.config)
    loaded.model.config.use_cache = False  # a cache would be made for each batch
    model = with_adapter(settings, loaded.model, source.name) if settings.adapted else loaded.model
    layout = layout_of(loaded.tokenizer, loaded.model.config)
    training, held_out = (ChainRows(side.rows) for side in sides)
    lessons = Lessons(model, loaded.tokenizer, layout, training, held_out)
    return partial(_learn, run, loaded, lessons, counts_of(run.data, sides))


def layout_of(tokenizer: Any, config: Any) -> Layout:
    """What the model reads where."""
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id or 0
    return Layout(pad, config.decoder_start_token_id if config.is_encoder_decoder else None)


def encode_sides(settings: CmdSettings, data: Data, tokenizer: Any, config: Any) -> tuple[Encoded, Encoded]:
    """Both sides as token ids.

    Raises:
        BadSettings: Nothing is left that fits, or nothing is held out where something is chosen by it.
        BadData: A chain is too long, and that is to be an error.
    """
    encoder = ChainEncoder(
        tokenizer,
        config,
        data.template,
        max_length=settings.max_length,
        over_length=settings.over_length,
    )
    training, held_out = (encode(side, encoder) for side in (data.training, data.held_out))
    if not training.rows:
        message = f"every chain is longer than {encoder.max_length} tokens"
        hint = "allow more, take a model with a longer context, or use --over-length truncate-prompt"
        raise BadSettings(message, where="--max-length", hint=hint)
    if settings.select == "loss" and not held_out.rows:
        hint = "hold some out with --val-fraction, or use --select last"
        raise BadSettings("--select loss needs held-out chains", where="--val-fraction", hint=hint)
    if settings.contrasted and not any(row.negatives for row in training.rows):
        hint = "use --contrast none, or let detox synth chain keep toxic continuations"
        long, cut = training.dropped[TOO_LONG], training.cut[NEGATIVE_TOO_LONG]
        lost = f"; longer than {encoder.max_length} tokens are {long} chains and {cut} more toxic answers"
        message = f"no chain has a toxic answer to contrast with{lost if long or cut else ''}"
        raise BadData(message, where="--data", hint=hint)
    return training, held_out


def counts_of(data: Data, sides: tuple[Encoded, Encoded]) -> dict[str, int]:
    """Rows by what became of them, and what was left out of them."""
    training, held_out = sides
    used = {"trained on": len(training.rows), "held out": len(held_out.rows)}
    dropped: Counter[str] = training.dropped + held_out.dropped + training.cut + held_out.cut
    rows = {name: count for name, count in data.counts.items() if name not in used}
    contrasted = sum(bool(row.negatives) for row in training.rows)
    return rows | dict(dropped) | used | {"trained on, with toxic answers": contrasted}


def _learn(
    run: CmdRun, loaded: Loaded, lessons: Lessons, counts: dict[str, int], journal: Journal | None
) -> Learnt:
    settings, folder = run.settings, training_folder(run.settings.output)
    start = find_start(folder)
    if settings.contrasted and settings.contrast == "dpo":
        rows = with_reference(
            lessons.model,
            lessons.layout,
            lessons.training.rows,
            settings.max_neg,
            settings.eval_batch_size,
            folder,
            number_type(settings.precision, PartialState().device.type),
            run.progress,
        )
        lessons = replace(lessons, training=ChainRows(rows))
    passes = recipe_of(settings, len(lessons.training))[1]
    run.progress.stage(f"training on {len(lessons.training)} chains{start.words}")
    with run.progress.task("training", passes.total, start.done) as task:
        listener = journal_listener(journal, run.progress, SHOWN)
        trainer = build_trainer(settings, lessons, folder, task, listener)
        if settings.qlora is not None:
            needs_whole(trainer, IN_FOUR_BITS, "--qlora", WHOLE)
        keeping = keeping_of(settings, len(lessons.held_out) > 0)
        trained = train(trainer, start, keeping)
    loaded.model.config.use_cache = True
    tuned = Loaded(lessons.model, loaded.tokenizer, run.source)

    def save(log: list[dict[str, Any]], weights: Mapping[str, Any] | None) -> None:
        save_model(run, tuned, _result(run, lessons, counts, trained, log), log, weights)

    return Learnt(trained, keeping, save)


def _result(
    run: CmdRun, lessons: Lessons, counts: dict[str, int], trained: Trained, log: list[dict[str, Any]]
) -> CmdResult:
    return CmdResult(
        files=[run.settings.output],
        rows=counts,
        template=run.data.template.id,
        parameters=sizes(lessons.model),
        steps=trained.steps,
        kept_step=trained.kept_step,
        chosen_at=measured_at(log, trained.kept_step, AT_STEP),
        folded=None,
        contrast=dict(zip(("first", "last"), _ends(log, "contrast"), strict=False)),
    )


def _ends(log: list[dict[str, Any]], name: str) -> list[float]:
    """The first and the last value that the log has under a name."""
    found = [float(record[name]) for record in log if name in record]
    return [found[0], found[-1]] if found else []


CMD = Kind(COMMAND, CmdResult, identity_of, begin)
