"""The folder of a finished model: weights or adapter, tokenizer, chain template, card, log and manifest."""

from collections.abc import Mapping, Sequence
from typing import Any

from detox_cli.data.chains.stored import store_template
from detox_cli.models.loading import Loaded
from detox_cli.models.sources import ModelSource
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.card import Card, Figure
from detox_cli.services.repeating import command_again, without_place
from detox_cli.services.train_cmd.data import Data, place_of
from detox_cli.services.train_cmd.result import CmdResult
from detox_cli.services.training.folder import (
    OF_THE_MACHINE,
    adapter_told,
    counts_told,
    recipe_told,
    save_tuned,
)
from detox_cli.services.training.log import write_log
from detox_cli.services.training.single_run import Run
from detox_cli.settings.train_cmd import CmdSettings

COMMAND = "train cmd"
FILES = ("data", "template")
LIMITS = (
    "It writes a chain before its answer: ask it in the form of chain_template.json, as detox generate "
    "--chain cmd does. Asked in another form it may continue as before.",
    "Its verdict is a guess of the model about its own context, not a moderation decision.",
    "Toxicity that the detector and the scorer of the training data do not see may be left.",
)
SHOWN = (
    "contrast",
    "alpha",
    "max_neg",
    "mode",
    "epochs",
    "learning_rate",
    "schedule",
    "batch_size",
    "accumulate",
    "max_length",
    "lora",
    "qlora",
    "target",
)
OF_CONTRAST = {"dpo": ("beta",), "cmd": ("tau", "pool", "contrast_context", "anchor", "anchor_every")}
CmdRun = Run[CmdSettings, Data]


def save_model(
    run: CmdRun,
    loaded: Loaded,
    result: CmdResult,
    log: Sequence[Mapping[str, Any]],
    weights: Mapping[str, Any] | None,
) -> None:
    """Write the folder beside its place and rename it.

    Args:
        run: Of the command.
        loaded: The tuned model, with its adapter if it has one.
        result: What goes into card and manifest.
        log: Of the training.
        weights: The state dict, where the model itself holds only a part of it.

    Raises:
        DetoxError: The disk is full, or the folded model is not what model and adapter are.
    """
    settings = run.settings
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        folded = save_tuned(folder, settings, run.source, loaded, weights, run.progress)
        result = result.model_copy(update={"folded": folded})
        store_template(folder, run.data.template)
        write_log(folder, log)
        run.write_card(folder, model_card(settings, result, run.source))
        run.describe(folder, result, [place_of(settings.data)])


def model_card(
    settings: CmdSettings,
    result: CmdResult,
    source: ModelSource,
    figures: Sequence[Figure] = (),
    sections: Mapping[str, str] | None = None,
) -> Card:
    """What a card says about a tuned model, be it trained once or with several seeds."""
    held = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in result.chosen_at.items())
    n = result.rows.get("held out", 0)
    what = f"Step {result.kept_step} of {result.steps} was kept."
    if held:
        what += f" On {n} held-out chains, without an interval: {held}."
    shown = (*SHOWN, *(OF_CONTRAST.get(settings.contrast, ()) if settings.contrasted else ()))
    return Card(
        name=settings.output.name,
        summary=(
            f"{without_place(source.name)}, tuned to detoxify its own context (CMD): asked in the form "
            f"{result.template}, it says whether the prompt is toxic, rewrites it if so, and continues that."
        ),
        base_models=[without_place(source.name)],
        datasets=[without_place(settings.data)],
        tags=["cmd", "self-detoxification", "detoxification"],
        task="text2text-generation" if _apart(settings, source) else "text-generation",
        figures=list(figures),
        training=recipe_told(settings, shown),
        sections={
            **(sections or {}),
            "Training": what,
            "Chains": counts_told(result.rows),
            "Adapter": adapter_told(settings, settings.lora),
        },
        limits=LIMITS,
        command=command_again(
            ["detox", "train", "cmd", without_place(settings.model)],
            settings,
            OF_THE_MACHINE,
            FILES,
            settings.output,
        ),
    )


def _apart(settings: CmdSettings, source: ModelSource) -> bool:
    from detox_cli.models.loading import read_config

    return bool(read_config(source, settings.trust_remote_code).is_encoder_decoder)
