"""One training: from rows to the folder of a finished model."""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded, load_causal
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.probe.opened import of_other_weights, warn_of_another_model
from detox_cli.services.train_dpo.building import Sides, build_trainer, keeping_of, mixture_of, recipe_of
from detox_cli.services.train_dpo.data import Data
from detox_cli.services.train_dpo.encode import Limits, encode
from detox_cli.services.train_dpo.folder import COMMAND, DpoRun, save_model
from detox_cli.services.train_dpo.measuring import Measure, Start, find_prompts
from detox_cli.services.train_dpo.result import DpoResult
from detox_cli.services.training.log import journal_listener, measured_at
from detox_cli.services.training.processes import is_first, training_folder
from detox_cli.services.training.quantized import IN_FOUR_BITS, load_start
from detox_cli.services.training.resuming import Trained, find_start, train
from detox_cli.services.training.sharding import WHOLE, needs_whole, sizes
from detox_cli.services.training.single_run import Kind, Learnt
from detox_cli.settings.train_dpo import DpoSettings
from detox_cli.statistics.bootstrap import Estimate

NOT_DECISIVE = {"output", "overwrite", "rejects", "strict", "keep_checkpoints", "keep_best", "tracker"}
NOT_DECISIVE |= {"data", "val_file", "prompts", "password", "export_trl_args", "map", "split", "limit"}
"""Settings that do not change the tuned model; of files the rows count, not the name."""
CHOOSE_LATER = f"choose by --select loss and measure with detox eval generation, or {WHOLE}"
SHOWN = {
    "loss": "loss",
    "eval_loss": "held-out loss",
    "eval_rewards/accuracies": "told apart",
    "eval_expected_maximum": "toxicity",
    "eval_kl": "KL",
    "eval_neurons": "toxic neurons",
}
AT_STEP: tuple[str, ...] = (
    "loss",
    "rewards/accuracies",
    "rewards/margins",
    "expected_maximum",
    "probability",
    "mean",
)
AT_STEP += ("in_language", "perplexity", "perplexity_rise", "kl", "within_budget", "neurons")


def identity_of(settings: DpoSettings, data: Data, source: ModelSource) -> str:
    """What decides the trained weights: rows, start, reference, prompts and settings."""
    decisive = settings.model_dump(mode="json", exclude=NOT_DECISIVE)
    reference = find_model(settings.ref_model).fingerprint if settings.ref_model else ""
    prompts = find_prompts(settings)
    texts = [one.text for one in (*prompts.choosing, *prompts.closing)] if prompts else []
    return fingerprint(
        rows=data.digest, start=source.fingerprint, reference=reference, texts=texts, settings=decisive
    )


def begin(run: DpoRun) -> Callable[[Journal | None], Learnt]:
    """Load and encode; what it hands back trains."""
    return partial(_learn, run, *prepare(run))


def _learn(run: DpoRun, loaded: Loaded, sides: Sides, journal: Journal | None) -> Learnt:
    settings, folder = run.settings, training_folder(run.settings.output)
    start = find_start(folder)
    keeping = keeping_of(settings, len(sides.held_out) > 0)
    measure = _measure(run, loaded)
    passes = recipe_of(settings, len(sides.mixture))[1]
    run.progress.stage(f"training on {len(sides.training)} preferences{start.words}")
    with run.progress.task("training", passes.total, start.done) as task:
        trainer = build_trainer(
            settings,
            loaded,
            sides,
            folder,
            task=task,
            progress=run.progress,
            on_log=journal_listener(journal, run.progress, SHOWN),
            reference=_reference(settings),
            measure=measure,
        )
        if measure is not None:
            needs_whole(trainer, "continuing prompts on the way", "--prompts", CHOOSE_LATER)
        if settings.qlora is not None:
            needs_whole(trainer, IN_FOUR_BITS, "--qlora", WHOLE)
        if measure is not None and is_first():
            run.progress.stage("measuring the start")
            measure.begin(trainer.accelerator.unwrap_model(trainer.model))
        trained = train(trainer, start, keeping)
    tuned = Loaded(trainer.model, loaded.tokenizer, run.source)

    def save(log: list[dict[str, Any]], weights: Mapping[str, Any] | None) -> None:
        save_model(run, tuned, _result(run, sides, trained, measure, log), log, weights)

    return Learnt(trained, keeping, save)


def prepare(run: DpoRun) -> tuple[Loaded, Sides]:
    """Load the model, and turn rows into token ids."""
    settings = run.settings
    loaded = load_start(load_causal, settings, run.source)
    if loaded.tokenizer.pad_token_id is None:
        loaded.tokenizer.pad_token = loaded.tokenizer.eos_token
    sides = encode_sides(settings, run.data, loaded.tokenizer, limit_of(settings, loaded.model.config))
    return loaded, sides


def limit_of(settings: DpoSettings, config: Any) -> int:
    """The length limit in tokens: what was asked for, or less if the model has fewer positions."""
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min(settings.max_length, positions or settings.max_length)


def encode_sides(settings: DpoSettings, data: Data, tokenizer: Any, limit: int) -> Sides:
    """Both sides as token ids.

    Raises:
        BadSettings: Nothing is left that fits, or nothing is held out where something is measured.
    """
    limits = Limits(
        limit, settings.max_prompt_tokens, settings.length_match, settings.append_eos, settings.add_bos
    )
    training, held_out = (encode(rows, tokenizer, limits) for rows in (data.training, data.held_out))
    if not len(training):
        reasons = "; ".join(f"{count} times {reason}" for reason, count in training.dropped.items())
        raise BadSettings(f"no preference is left: {reasons}", where="--max-length", hint="raise it")
    if settings.select != "last" and not len(held_out):
        hint = "hold some out with --val-fraction, or use --select last"
        raise BadSettings(
            f"--select {settings.select} needs held-out rows", where="--val-fraction", hint=hint
        )
    return Sides(training, held_out, mixture_of(settings, [data.training[n] for n in training.kept]))


def counts_of(data: Data, sides: Sides) -> tuple[dict[str, int], dict[str, int]]:
    """Rows by what became of them, and rows of which something was cut."""
    dropped = sides.training.dropped + sides.held_out.dropped
    used = {"trained on": len(sides.training), "held out": len(sides.held_out)}
    rows = {name: count for name, count in data.counts.items() if name not in used}
    return rows | dict(dropped) | used, dict(sides.training.cut + sides.held_out.cut)


def _measure(run: DpoRun, loaded: Loaded) -> Measure | None:
    prompts = find_prompts(run.settings)
    if prompts is None:
        return None
    frozen = None if run.settings.adapted else copy.deepcopy(loaded.model).requires_grad_(False).eval()
    measure = Measure(run.settings, prompts, Start(loaded, frozen))
    if measure.tracked is not None:
        warn_of_another_model(measure.tracked, run.source, run.progress)
    return measure


def _reference(settings: DpoSettings) -> Any | None:
    if settings.ref_model is None:
        return None
    source = find_model(settings.ref_model)
    return load_causal(source, "cpu", settings.dtype, settings.trust_remote_code).model


def _result(
    run: DpoRun, sides: Sides, trained: Trained, measure: Measure | None, log: list[dict[str, Any]]
) -> DpoResult:
    rows, cut = counts_of(run.data, sides)
    chosen = measured_at(log, trained.kept_step, AT_STEP)
    before: dict[str, Estimate] = {}
    after: dict[str, Estimate] = {}
    if measure is not None:
        run.progress.stage("measuring the tuned model")
        model = trained.trainer.accelerator.unwrap_model(trained.trainer.model).eval()
        before, after = measure.before_and_after(model)
    return DpoResult(
        files=[run.settings.output],
        rows=rows,
        cut=cut,
        parameters=sizes(trained.trainer.model),
        steps=trained.steps,
        kept_step=trained.kept_step,
        chosen_at=chosen,
        within_budget=bool(chosen.get("within_budget", 1.0)),
        before=before,
        after=after,
        measured_on=measure.prompts.told if measure else "",
        notes=of_other_weights(run.source, measure.tracked) if measure else [],
        folded=None,
    )


DPO = Kind(COMMAND, DpoResult, identity_of, begin)
