"""The folder of a finished model: weights or adapter, tokenizer, card, log and manifest."""

from collections.abc import Mapping, Sequence
from typing import Any

from detox_cli.models.loading import Loaded
from detox_cli.models.sources import ModelSource
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.card import Card, Figure
from detox_cli.services.repeating import command_again, without_place
from detox_cli.services.train_dpo.data import Data
from detox_cli.services.train_dpo.measuring import SCORED
from detox_cli.services.train_dpo.result import DpoResult, in_words
from detox_cli.services.training.folder import (
    OF_THE_MACHINE,
    adapter_told,
    counts_told,
    recipe_told,
    save_tuned,
)
from detox_cli.services.training.log import write_log
from detox_cli.services.training.single_run import Run
from detox_cli.settings.train_dpo import DpoSettings

COMMAND = "train dpo"
NOT_TOLD = OF_THE_MACHINE | {"password"}
"""What a command that tunes the same does not need, or must not say."""
FILES = ("data", "val_file", "prompts", "ref_model")
LIMITS = (
    "It was tuned to continue text less toxically; it was not taught to judge or to refuse anything.",
    "Toxicity that the preferences do not show, and languages that they are not in, may be left.",
)
SHOWN = (
    "loss",
    "beta",
    "epochs",
    "rate",
    "batch_size",
    "accumulate",
    "optimizer",
    "max_length",
    "lora",
    "qlora",
)
DpoRun = Run[DpoSettings, Data]


def save_model(
    run: DpoRun,
    loaded: Loaded,
    result: DpoResult,
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
        write_log(folder, log)
        run.write_card(folder, model_card(settings, result, run.source))
        scorers = {"toxicity": settings.toxicity} if result.after else {}
        prompts = [settings.prompts] if settings.prompts else []
        run.describe(folder, result, [*settings.data, *settings.val_file, *prompts], scorers)


def model_card(
    settings: DpoSettings,
    result: DpoResult,
    source: ModelSource,
    figures: Sequence[Figure] | None = None,
    sections: Mapping[str, str] | None = None,
) -> Card:
    """What a card says about a tuned model, be it trained once or with several seeds."""
    own = _figures(settings, result) if figures is None else list(figures)
    held = ", ".join(f"{name} {value:.4g}" for name, value in result.chosen_at.items())
    what = f"Step {result.kept_step} of {result.steps} was kept. On held-out preferences: {held}."
    return Card(
        name=settings.output.name,
        summary=f"{without_place(source.name)}, tuned on preferences to continue text less toxically (DPO).",
        base_models=[without_place(source.name)],
        datasets=[without_place(name) for name in settings.data],
        tags=["dpo", "trl", "detoxification"],
        task="text-generation",
        figures=own,
        training=recipe_told(settings, SHOWN),
        sections={
            **(sections or {}),
            "Training": what,
            "Rows": counts_told(result.rows | result.cut),
            "Adapter": adapter_told(settings, settings.lora or "rank 64"),
        },
        limits=LIMITS,
        command=_command(settings),
    )


def _figures(settings: DpoSettings, result: DpoResult) -> list[Figure]:
    found = []
    for when, values in (("before", result.before), ("after", result.after)):
        for name, e in values.items():
            by = f" ({settings.toxicity})" if name in SCORED else ""
            shown = f"{in_words(name)}{by}, {when}"
            found.append(Figure(shown, e.mean, e.low, e.high, e.n, result.measured_on))
    return found


def _command(settings: DpoSettings) -> str:
    """The command without what only concerns the machine that it ran on."""
    words = ["detox", "train", "dpo", without_place(settings.model)]
    return command_again(words, settings, NOT_TOLD, FILES, settings.output)
