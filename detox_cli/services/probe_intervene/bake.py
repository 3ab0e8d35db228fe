"""The changed coefficients as a plain model folder, compared with what was measured."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from detox_cli.errors import DetoxError
from detox_cli.models.checkpoint.coefficients import Fold, plan_folds, write_folded
from detox_cli.models.checkpoint.folder import Checkpoint, open_checkpoint
from detox_cli.models.licence import model_licence
from detox_cli.models.loading import load_causal
from detox_cli.models.neurons.changing import Change
from detox_cli.models.neurons.parts import Neuron
from detox_cli.models.snapshot import local_folder
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.card import Card, Figure, write_card
from detox_cli.services.merge.save import CONFIG, NOT_COPIED
from detox_cli.services.negate.result import Candidate
from detox_cli.services.probe_intervene.result import Baked
from detox_cli.services.repeating import command_again
from detox_cli.settings.probe_intervene import ProbeInterveneSettings

LIMITS = {torch.float32: 2e-2}
COARSE = 0.2
"""How far logits may be from those that were measured, of their spread: stored numbers are rounded."""
TEXTS, TOKENS = 4, 32
MACHINE = {"model", "output", "overwrite", "device", "batch_tokens", "password"}


def write_baked(
    settings: ProbeInterveneSettings,
    source: ModelSource,
    neurons: Sequence[Neuron],
    change: Change,
    folder: Path,
    progress: Progress,
) -> dict[str, int]:
    """Write the changed model into an existing, empty folder.

    Returns:
        How many value vectors of each tensor were changed.

    Raises:
        BadData: The weights cannot be edited.
        BadSettings: A constant has no bias to go into.
    """
    checkpoint, folds = planned_folds(source, neurons, change)
    progress.stage(f"writing {settings.bake}: {len(folds)} tensors change")
    with progress.task("tensors", len(folds)) as task:
        left_out = write_folded(checkpoint, folds, folder, NOT_COPIED - {CONFIG}, task.advance)
    if left_out:
        progress.warn(f"not copied, as it was not changed: {', '.join(map(str, left_out))}")
    return {fold.writer.name: len(fold.changes) for fold in folds}


def planned_folds(
    source: ModelSource, neurons: Sequence[Neuron], change: Change
) -> tuple[Checkpoint, list[Fold]]:
    """The model's files, and what will be done to them; nothing is written.

    Raises:
        BadData: The weights cannot be edited.
        BadSettings: A constant has no bias to go into.
    """
    checkpoint = open_checkpoint(local_folder(source))
    folds = plan_folds(checkpoint, checkpoint.anatomy(), neurons, change.factors, change.offsets)
    return checkpoint, folds


def check_baked(
    settings: ProbeInterveneSettings, folder: Path, model: Any, changed: AbstractContextManager[None]
) -> float:
    """How far the written model's logits are from those of the changed one, as a share of their spread.

    Raises:
        DetoxError: More than rounding explains.
    """
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = torch.randint(vocabulary, (TEXTS, TOKENS), generator=torch.Generator().manual_seed(settings.seed))
    ids = ids.to(model.device)
    with torch.no_grad(), changed:
        wanted = model(input_ids=ids, use_cache=False).logits.float()
    written = load_causal(
        find_model(str(folder)), settings.device, settings.dtype, settings.trust_remote_code
    )
    with torch.no_grad():
        found = written.model(input_ids=ids, use_cache=False).logits.float()
    gap = float((found - wanted).abs().max() / wanted.std())
    if not gap <= LIMITS.get(model.dtype, COARSE):
        raise DetoxError(
            f"the written model's logits are off by {gap:.2g} of their spread, more than rounding explains",
            hint="nothing was written; measure without --bake, and report this model",
        )
    return gap


def card_of_baked(
    settings: ProbeInterveneSettings,
    source: ModelSource,
    folder: Path,
    baked: Baked,
    what: str,
    measured: Sequence[Candidate],
    data: str,
) -> None:
    """Write ``README.md`` of the model."""
    figures = [
        Figure(f"{part}, {name}", found.mean, found.low, found.high, found.n, rows)
        for part, rows in (("toxicity", data), ("perplexity", "a text"))
        for name, at in (("base", measured[0]), ("this model", measured[1]))
        for found in [getattr(at, part)]
    ]
    name = source.name if source.kind != "folder" else Path(source.name).name
    write_card(
        folder,
        Card(
            name=str(settings.bake and settings.bake.name),
            summary=f"A copy of {source.name} with {what} changed by {settings.op} {settings.doses[0]:g}. "
            "Made by `detox probe intervene`; nothing was trained.",
            licence=model_licence(source),
            base_models=[source.name],
            tags=["detoxification"],
            task="text-generation",
            figures=figures,
            training={"tensors": ", ".join(f"{tensor} ({n})" for tensor, n in baked.tensors.items())},
            limits=("The figures hold for the prompts that they were measured on, not for others.",),
            command=command_again(
                ["detox", "probe", "intervene", name], settings, MACHINE,
                ("neurons", "probe", "prompts", "text", "bake"), settings.output,
            ),
        ),
    )  # fmt: skip
