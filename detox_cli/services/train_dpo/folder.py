"""The folder of a finished model: weights or adapter, tokenizer, card, log and manifest."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detox_cli.models.licence import model_licence
from detox_cli.models.loading import Loaded
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.card import Card, Figure, write_card
from detox_cli.runs.manifest import write_manifest
from detox_cli.services.train_dpo.fold import ADAPTER, fold_into
from detox_cli.services.train_dpo.result import DpoResult
from detox_cli.services.training.log import write_log
from detox_cli.services.training.processes import training_folder
from detox_cli.services.training.recipe import start_record
from detox_cli.settings.train_dpo import DpoSettings

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


@dataclass(frozen=True)
class Finished:
    """What is known at the end of a run."""

    result: DpoResult
    log: Sequence[Mapping[str, Any]]
    fingerprint: str
    started: float
    source: ModelSource


def save_model(
    settings: DpoSettings,
    loaded: Loaded,
    finished: Finished,
    weights: Mapping[str, Any] | None,
    progress: Progress,
) -> None:
    """Write the folder beside its place and rename it.

    Args:
        settings: Of the run.
        loaded: The tuned model, with its adapter if it has one.
        finished: What goes into card and manifest.
        weights: The state dict, where the model itself holds only a part of it.
        progress: Told about the folding.

    Raises:
        DetoxError: The disk is full, or the folded model is not what model and adapter are.
    """
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        result = finished.result
        if settings.adapted:
            loaded.model.peft_config["default"].base_model_name_or_path = finished.source.name
            adapter = training_folder(settings.output) / ADAPTER if settings.merge else folder
            loaded.model.save_pretrained(adapter, state_dict=weights)
            if settings.merge:
                folded = fold_into(folder, adapter, finished.source, settings, progress)
                result = result.model_copy(update={"folded": folded})
        else:
            loaded.model.save_pretrained(folder, state_dict=weights)
        loaded.tokenizer.save_pretrained(folder)
        write_log(folder, finished.log)
        write_card(folder, model_card(settings, result, finished.source))
        scorers = {"toxicity": settings.toxicity} if result.after else {}
        write_manifest(
            folder,
            command="train dpo",
            settings=settings.model_dump(mode="json"),
            inputs=[*settings.data, *settings.val_file, *([settings.prompts] if settings.prompts else [])],
            models={"start": start_record(finished.source)},
            scorers=scorers,
            metrics=result.model_dump(mode="json", exclude={"files"}),
            started=finished.started,
            fingerprint=finished.fingerprint,
        )


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
        summary=f"{_shown(source.name)}, tuned on preferences to continue text less toxically (DPO).",
        licence=model_licence(source),
        base_models=[_shown(source.name)],
        datasets=[_shown(name) for name in settings.data],
        tags=["dpo", "trl", "detoxification"],
        task="text-generation",
        figures=own,
        training={name: getattr(settings, name) for name in SHOWN if getattr(settings, name) is not None}
        | ({"seeds": list(settings.seeds)} if settings.seeds else {"seed": settings.seed}),
        sections={**(sections or {}), "Training": what, "Rows": _rows(result), "Adapter": _adapter(settings)},
        limits=LIMITS,
        command=_command(settings),
    )


def _figures(settings: DpoSettings, result: DpoResult) -> list[Figure]:
    found = []
    for when, values in (("before", result.before), ("after", result.after)):
        for name, e in values.items():
            shown = f"{name.replace('_', ' ')} ({settings.toxicity}), {when}"
            found.append(Figure(shown, e.mean, e.low, e.high, e.n, result.measured_on))
    return found


def _rows(result: DpoResult) -> str:
    return "\n".join(f"- {name}: {count}" for name, count in (result.rows | result.cut).items())


def _adapter(settings: DpoSettings) -> str:
    if not settings.adapted:
        return ""
    trained = "on weights in 4 bits" if settings.qlora else "beside frozen weights"
    kept = "folded into the model, whose logits were compared" if settings.merge else "here, beside the model"
    return f"A LoRA adapter ({settings.lora or 'rank 64'}) was trained {trained}; it is {kept}."


def _command(settings: DpoSettings) -> str:
    """The command without what only concerns the machine that it ran on."""
    words = ["detox", "train", "dpo", _shown(settings.model)]
    words += [word for name in settings.data for word in ("--data", _shown(name))]
    words += ["--lora", settings.lora] if settings.lora else []
    words += ["--qlora", settings.qlora] if settings.qlora else []
    words += ["--seeds", ",".join(map(str, settings.seeds))] if settings.seeds else []
    return shlex.join([*words, "-o", settings.output.name])


def _shown(name: str) -> str:
    """A folder or file of this machine by its own name alone."""
    return Path(name).name if Path(name).exists() or Path(name).is_absolute() else name
