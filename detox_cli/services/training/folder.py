"""What the folders of trained models have in common: weights, and the words of their cards."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from detox_cli.models.loading import Loaded
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.services.merge.result import Folded
from detox_cli.services.training.fold import ADAPTER, FoldSettings, fold_into
from detox_cli.services.training.processes import training_folder
from detox_cli.services.training.seeds import SeedsSettings

OF_THE_MACHINE = {"model", "output", "overwrite", "rejects", "device", "eval_batch_size", "tracker"}
OF_THE_MACHINE |= {"checkpoints", "keep_best", "keep_checkpoints"}
"""What a command that trains the same does not need, or says in its own place."""


class TuneSettings(FoldSettings, Protocol):
    """Settings of a command that tunes a whole model, or an adapter that it folds or leaves beside it."""

    @property
    def adapted(self) -> bool: ...  # noqa: D102
    @property
    def qlora(self) -> str | None: ...  # noqa: D102
    @property
    def merge(self) -> bool: ...  # noqa: D102


def save_tuned(
    folder: Path,
    settings: TuneSettings,
    source: ModelSource,
    loaded: Loaded,
    weights: Mapping[str, Any] | None,
    progress: Progress,
) -> Folded | None:
    """Write the tuned model and its tokenizer: whole, with its adapter folded in, or the adapter alone.

    Args:
        folder: Where to.
        settings: Of the run.
        source: The model that it was started from.
        loaded: The tuned model, with its adapter if it has one.
        weights: The state dict, where the model itself holds only a part of it.
        progress: Told what is done.

    Returns:
        How far the folded model is from model and adapter.

    Raises:
        DetoxError: The folded model is not what model and adapter are, or the disk is full.
    """
    folded = None
    if settings.adapted:
        loaded.model.peft_config["default"].base_model_name_or_path = source.name
        adapter = training_folder(settings.output) / ADAPTER if settings.merge else folder
        loaded.model.save_pretrained(adapter, state_dict=weights)
        if settings.merge:
            folded = fold_into(folder, adapter, source, settings, progress)
    else:
        loaded.model.save_pretrained(folder, state_dict=weights)
    loaded.tokenizer.save_pretrained(folder)
    return folded


def adapter_told(settings: TuneSettings, shape: str) -> str:
    """What a card says about the adapter; nothing where the whole model was tuned."""
    if not settings.adapted:
        return ""
    beside = "on weights in 4 bits" if settings.qlora else "beside frozen weights"
    kept = "folded into the model, whose logits were compared" if settings.merge else "here, beside the model"
    return f"A LoRA adapter ({shape}) was trained {beside}; it is {kept}."


def recipe_told(settings: SeedsSettings, names: Sequence[str]) -> dict[str, object]:
    """What a card says about the recipe: the settings of these names that have a value, then the seeds."""
    told = {name: value for name in names if (value := getattr(settings, name)) is not None}
    return told | ({"seeds": list(settings.seeds)} if settings.seeds else {"seed": settings.seed})


def counts_told(counts: Mapping[str, int]) -> str:
    """Rows by what became of them, as a list of a card."""
    return "\n".join(f"- {name}: {count}" for name, count in counts.items())
