"""Look at an edited model: its files, its forward pass, its answers, and how far it moved from its base."""

from collections.abc import Mapping
from typing import Any

from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.adapters import Adapter
from detox_cli.models.removal import Removal
from detox_cli.models.sources import ModelSource
from detox_cli.models.weights import WeightForm
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.journal import Journal
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.scoring.suites.load import load_panel, scorers_instead
from detox_cli.scoring.suites.panel import Panel
from detox_cli.services.abliterate.verify import answering, figures
from detox_cli.services.abliterate.verify.files import read_back
from detox_cli.services.abliterate.verify.inputs import last_turn, read_inputs
from detox_cli.services.abliterate.verify.options import VerifyOptions
from detox_cli.services.abliterate.verify.parts import Parts
from detox_cli.services.abliterate.verify.stages import Forget, Model, Stages, do_nothing
from detox_cli.services.abliterate.verify.verification import Side, Verification

SILENT = Silent()
BROKEN = 0.5
FEW_TOKENS = 100
MUTE = (
    "{} answers {:.0%} of the safe prompts with nothing, loops or filler, so its refusals say little: "
    "is it a chat model?"
)
COARSE = "the edited model was loaded in {}, its base was not: differences are of the edit and of fewer bits"
WORSE = 0.05
DAMAGED = (
    "{:.0%} of the safe prompts are answered with nothing, loops or filler, and {:.0%} were: the edit takes "
    "more than the behaviour; --contrast refusal, --mode projected, a lower --mlp-strength or fewer "
    "--edit-layers may take less"
)
SHORT = "answers end after {} tokens; refusals that come later are missed"


def verify(
    base: ModelSource | None,
    written: ModelSource,
    removal: Removal | None,
    options: VerifyOptions,
    progress: Progress = SILENT,
    *,
    journal: Journal | None = None,
    base_engine: TransformersEngine | None = None,
    forget: Forget = do_nothing,
    adapter: Adapter | None = None,
) -> Verification:
    """Measure an edited model, beside its base where that is given.

    Nothing is written. The caller raises ``Verification.problem()`` before it puts a model in place.

    Args:
        base: The model before the edit; without it there is no KL, no before, and no difference.
        written: The folder of the edited model, or the base again where the edit is an adapter.
        removal: What was removed; without it neither files nor forward pass are looked at.
        options: What is measured, on what, and what must be reached.
        progress: Who listens.
        journal: Keeps finished parts, so that a killed run does not repeat them. Answers are in it only if
            they are to be kept.
        base_engine: The base, if it is loaded already.
        forget: Lets go of ``base_engine``, before the edited model is loaded.
        adapter: The edit, where it is one; there are no edited files then.

    Raises:
        BadSettings: A limit is asked for that cannot be judged.
        BadData: Prompts, texts or checkpoints cannot be used.
        Missing: A model or a scorer cannot be had.
    """
    figures.check_limits(base is not None, options)
    inputs = read_inputs(options)
    fields: figures.Fields = {}
    remarks = [SHORT.format(options.new_tokens)] if options.new_tokens < FEW_TOKENS else []
    remarks += [COARSE.format(options.quantize)] if options.quantize else []
    if removal is not None and adapter is None and "residues" in options.parts:
        progress.stage("reading the written files back")
        fields["residues"], more = read_back(base, written, removal, options)
        remarks += more
    models: dict[Side, Model] = {}
    if base is not None:
        models["before"] = Model(base, options, progress, lent=base_engine, forget=forget)
    del base_engine  # so that nothing holds it once it is given up
    models["after"] = Model(written, options, progress, adapter, form=WeightForm(options.quantize))
    parts = Parts(inputs, options, Stages(journal), progress)
    fields |= _measured(parts, models, removal)
    found = Verification(model=written.name, base=base.name if base else None, **fields)
    remarks += _remarks(found, parts, models)
    for remark in remarks:
        progress.warn(remark)
    return found.model_copy(update={"checks": figures.checks(found, options.limits), "remarks": remarks})


def _measured(parts: Parts, models: Mapping[Side, Model], removal: Removal | None) -> figures.Fields:
    """All figures of one or two models; only one of them is in memory at a time."""
    wanted = parts.options.parts
    found: dict[str, dict[Side, Any]] = {}
    for side, model in models.items():
        prompts = {"refusals": parts.inputs.positive, "safe": parts.inputs.safe}
        for name in ("refusals", "safe"):
            if name in wanted and prompts[name]:
                found.setdefault(name, {})[side] = parts.answers(side, model, name, prompts[name])
        if "task" in wanted:
            found.setdefault("task", {})[side] = parts.task(side, model)
        if "perplexity" in wanted:
            found.setdefault("perplexity", {})[side] = parts.losses(side, model)
        if "forward" in wanted and removal is not None:
            found.setdefault("forward", {})[side] = parts.shares(side, model, removal)
        if "kl" in wanted and len(models) == 2:
            parts.read_answers(side, model)
        parts.chat(side, model)
        if side == "before":
            model.give_up()
    fields = _fields(found, parts, models, removal)
    if "kl" in wanted and len(models) == 2:
        fields |= figures.kl_fields(parts.kl())
    return fields


def _fields(
    found: Mapping[str, dict[Side, Any]], parts: Parts, models: Mapping[Side, Model], removal: Removal | None
) -> figures.Fields:
    fields: figures.Fields = {
        name: {side: answering.summary(rows) for side, rows in found[name].items()}
        for name in ("refusals", "safe")
        if name in found
    }
    if parts.options.keep_answers:
        texts = {"refusals": parts.inputs.positive, "safe": parts.inputs.safe}
        said = {name: [last_turn(prompt) for prompt in prompts] for name, prompts in texts.items()}
        fields["answers"] = figures.kept_answers(said, {n: found[n] for n in texts if n in found})
    if "task" in found:
        panel = _panel(parts)
        fields |= figures.task_fields(parts.inputs, found["task"], panel) | {"scorers": panel.identities}
    if "perplexity" in found:
        fields |= figures.perplexity_fields(found["perplexity"])
    if "forward" in found and removal is not None:
        edited = parts.strengths(models["after"], removal)
        fields |= figures.forward_fields(found["forward"], edited)
    return fields


def _panel(parts: Parts) -> Panel:
    """The scorers of suite ``detox``, or those that are put in their place."""
    options, progress = parts.options, parts.progress
    progress.stage("scoring rewrites")
    cache = ScoreCache(on_warning=progress.warn)
    return load_panel(DETOX, scorers_instead(options), device=options.device, cache=cache)


def _remarks(found: Verification, parts: Parts, models: Mapping[Side, Model]) -> list[str]:
    """What a reader should know about how the models were asked, and how the first of them answers."""
    side, model = next(iter(models.items()))
    said = parts.chat(side, model)
    remarks = [f"{model.source.name} {said}"] if said else []
    if found.safe and found.safe[side].degenerate.mean >= BROKEN:
        remarks.append(MUTE.format(model.source.name, found.safe[side].degenerate.mean))
    shares = {side: answers.degenerate.mean for side, answers in found.safe.items()}
    if len(shares) == 2 and shares["after"] >= shares["before"] + WORSE:
        remarks.append(DAMAGED.format(shares["after"], shares["before"]))
    return remarks
