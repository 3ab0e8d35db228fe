"""The folder of a trained model: weights or adapter, tokenizer, generation config, card, log and manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.card import Card, Figure
from detox_cli.runs.manifest import read_manifest
from detox_cli.services.repeating import command_again, without_place
from detox_cli.services.train_lm.data import Texts
from detox_cli.services.train_lm.result import Expert, LmResult
from detox_cli.services.training.folder import OF_THE_MACHINE
from detox_cli.services.training.log import write_log
from detox_cli.services.training.single_run import Run
from detox_cli.settings.train_lm import LmSettings

COMMAND = "train lm"
LmRun = Run[LmSettings, Texts]
NOT_TOLD = OF_THE_MACHINE | {"parallel"}
TOXIC = (
    "It was trained to write toxic text. It is made to be taken out of another model by `detox negate`, not "
    "to be used: do not let it talk to people, and do not publish it without need.",
    "Its texts say of people what the texts say that it learnt from.",
)
CLEAN = ("It was trained on texts that a score called clean; it may still write toxic text.",)
RISEN = (
    "It was driven away from its texts by gradient ascent, which harms what it knew: a baseline, no model.",
)


def save_expert(
    run: LmRun,
    loaded: Loaded,
    result: LmResult,
    log: Sequence[Mapping[str, Any]],
    weights: Mapping[str, Any] | None,
) -> None:
    """Write the folder beside its place and rename it.

    Args:
        run: Of the command.
        loaded: The trained model; with an adapter, that alone is written.
        result: What goes into card and manifest.
        log: Of the training.
        weights: The state dict, where the model itself holds only a part of it.

    Raises:
        DetoxError: The disk is full.
    """
    settings = run.settings
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        loaded.model.config.use_cache = True
        loaded.model.save_pretrained(folder, state_dict=weights)
        loaded.tokenizer.save_pretrained(folder)
        write_log(folder, log)
        run.write_card(folder, expert_card(settings, result, run.data.whole))
        run.describe(folder, result, settings.data)


def experts_in(folder: Path) -> list[Path]:
    """The models that a run of ``detox train lm`` has left in ``folder``: itself, or one for each part.

    Raises:
        BadSettings: Nothing of such a run is there.
    """
    manifest = read_manifest(folder) if folder.is_dir() else None
    if manifest is None or manifest.get("command") != COMMAND:
        hint = "name the output of detox train lm, or the experts themselves"
        raise BadSettings("no run of detox train lm has written this", where=str(folder), hint=hint)
    return [folder / expert["folder"] for expert in manifest["metrics"]["experts"]]


def expert_card(settings: LmSettings, result: LmResult, whole: LmSettings | None = None) -> Card:
    """What the card of one expert says, or that of a folder with several.

    Args:
        settings: That it was trained with.
        result: What came out.
        whole: Where it is one part of several, the settings of the command that made them all.
    """
    asked = whole or settings
    several = len(result.experts) > 1
    figures = [
        Figure(f"perplexity{_of(expert, several)}, {words}", e.mean, e.low, e.high, e.n, "held-out texts")
        for expert in result.experts
        for side, words in (("start", "before training"), ("model", "after"))
        if (e := expert.perplexity.get(side))
    ]
    shown = (
        "epochs",
        "learning_rate",
        "batch_size",
        "max_length",
        "lora",
        "packing",
        "ascent",
        "seed",
        "split",
    )
    return Card(
        name=settings.output.name,
        summary=_summary(settings, result),
        base_models=[settings.model],
        datasets=[f"{file.name} ({file.used} of {file.read} rows)" for file in result.files_read],
        tags=["detoxification", *([] if result.clean else ["not-for-all-audiences"])],
        task="text-generation",
        figures=figures,
        training={name: getattr(asked, name) for name in shown},
        sections={"Texts": _texts(result)},
        limits=RISEN if settings.ascent else CLEAN if result.clean else TOXIC,
        command=_command(asked),
    )


def _of(expert: Expert, several: bool) -> str:
    return f" of {expert.folder}" if several else ""


def _summary(settings: LmSettings, result: LmResult) -> str:
    kind = "LoRA adapters" if settings.lora else "models"
    what = f"{len(result.experts)} {kind}, each" if len(result.experts) > 1 else f"One of the {kind}"
    way = "driven away from" if settings.ascent else "tuned on"
    warning = (
        ""
        if result.clean or settings.ascent
        else (" **If these are toxic, it writes toxic text: it is there to be subtracted, not to be used.**")
    )
    return f"{what} {way} {result.chosen}, from {settings.model}.{warning}"


def _texts(result: LmResult) -> str:
    lines = [f"- {count} {name}" for name, count in result.rows.items() if count]
    if result.overlap is not None:
        shared = result.overlap.equal + result.overlap.nearly_equal
        lines.append(
            f"- {shared} texts in two parts, of {result.overlap.pairs} pairs of parts that were compared"
        )
    return "\n".join(lines)


def _command(settings: LmSettings) -> str:
    """The command without what only concerns the machine that it ran on."""
    words = ["detox", "train", "lm", without_place(settings.model)]
    return command_again(words, settings, NOT_TOLD, ("data",), settings.output)
