"""The card of an edited model: what it was made of, what was taken out of it, and what that is for."""

from collections.abc import Sequence
from pathlib import Path

from detox_cli.models.licence import model_licence
from detox_cli.models.sources import ModelSource
from detox_cli.runs.card import Card, Figure, write_card
from detox_cli.services.abliterate.result import NOT_CHOSEN, AbliterateResult
from detox_cli.services.repeating import command_again
from detox_cli.settings.abliterate import AbliterateSettings

CARD, BASE_CARD = "README.md", "README.base.md"
WHAT = {
    "refusal": "its refusal of harmful instructions",
    "task": "its refusal to rewrite toxic sentences",
    "toxicity": "the direction from neutral to toxic text",
    "files": "the direction between two sets of prompts",
}
PLACE = ("position", "layer", "why")
MACHINE = {"model", "output", "overwrite", "device", "batch_tokens", "link_untouched"}
FILES = ("positive", "negative", "pairs", "safe", "text", "task_pairs", "direction")
WARNING = (
    "This model lacks a safeguard that its base has: it follows instructions that the base refuses. Do not "
    "put it where others can talk to it, do not let it decide anything, and keep what it writes away from "
    "users until somebody has read it. Who publishes it passes this on, and answers for it under the licence "
    "of the base."
)
INTENDED = (
    "Annotating data for detoxification: rewriting toxic sentences neutrally, where the base declines; and "
    "research on how such behaviour is represented."
)


def write_edit_card(
    folder: Path,
    settings: AbliterateSettings,
    source: ModelSource,
    result: AbliterateResult,
    figures: Sequence[Figure],
) -> None:
    """Write ``README.md``; a card that came with the base stays beside it as ``README.base.md``."""
    if (folder / CARD).is_file():
        (folder / CARD).rename(folder / BASE_CARD)
    what = WHAT.get(result.contrast, "a behaviour")
    kind = "A LoRA adapter for" if settings.adapter else "A copy of"
    write_card(
        folder,
        Card(
            name=settings.output.name,
            summary=f"{kind} {source.name} without {what}. Made by `detox abliterate`; nothing was trained.",
            licence=model_licence(source),
            base_models=[source.name],
            tags=["abliterated", "detoxification"],
            task="text-generation",
            figures=figures,
            training=_recipe(settings, result),
            sections={
                "What was removed": _removed(result, what, settings.adapter),
                "Intended use": INTENDED,
                "Warning": WARNING,
            },
            limits=(
                "The figures hold for the prompts that they were measured on, not for others.",
                "Taking a direction out of the weights can blunt other abilities; look at the figures above.",
            ),
            command=_command(settings, source),
        ),
    )


def _recipe(settings: AbliterateSettings, result: AbliterateResult) -> dict[str, object]:
    found = {name: result.origin[name] for name in PLACE if name in result.origin}
    return found | {"tied embedding": settings.tied, "rounding": settings.rounding, "seed": settings.seed}


def _removed(result: AbliterateResult, what: str, adapter: bool) -> str:
    """Where the direction comes from, what was edited, and what was not."""
    said = []
    if result.prompts:
        sides = " and ".join(f"{parts['train']} {side}" for side, parts in result.prompts.items())
        said.append(
            f"The direction is the difference of mean activations on {sides} prompts "
            f"(contrast {result.contrast})."
        )
    if result.written is not None and result.written.tensors:
        written = result.written
        kinds = ", ".join(sorted({tensor.kind for tensor in written.tensors}))
        said.append(
            f"Removed is {what}: {len(written.tensors)} tensors ({kinds}) were edited; at most "
            f"{written.largest_residue:.1e} of what was to go is left in any of them."
        )
    said += _as_it_is(result, adapter)
    said.append("`direction.safetensors` holds the direction, `detox.json` every figure.")
    return " ".join(said)


def _as_it_is(result: AbliterateResult, adapter: bool) -> list[str]:
    """What stays as it was, and what became of quantised weights."""
    said = []
    if result.written is not None:
        left = {name: why for name, why in result.written.kept.items() if why != NOT_CHOSEN}
        said += [f"`{name}` stays: {why}." for name, why in left.items()]
    if "quantised" in result.converted and not adapter:
        said.append(f"The base was {result.converted}; this copy holds plain numbers, not quantised again.")
    return said


def _command(settings: AbliterateSettings, source: ModelSource) -> str:
    """The command without what only concerns the machine that it ran on."""
    name = source.name if source.kind != "folder" else Path(source.name).name
    return command_again(["detox", "abliterate", name], settings, MACHINE, FILES, settings.output)
