"""The card of a folder of chains, from what the stages have left there."""

from pathlib import Path
from typing import Any

from detox_cli.data.chains.record import ChainRecord
from detox_cli.runs.card import DataCard
from detox_cli.runs.manifest import read_manifest
from detox_cli.services.repeating import command_again, without_place
from detox_cli.services.synth_chain.spans import TEST
from detox_cli.services.synth_chain.stage import FILES
from detox_cli.settings.synth_chain import SynthChainSettings

LEFT_OUT = {"model", "output", "overwrite", "strict", "device", "batch_tokens", "from_stage", "to_stage"}
"""What is said in its own place, or only concerns the machine that it ran on."""
NAMED = ("prompts", "data", "exclude")
LIMITS = (
    "It holds toxic text, most of it written by a model, to learn from what is next to it.",
    "The scorers that chose answers and negatives flatter what is learnt from them: measure by others.",
    "Its prompts have the licence of where they come from; for what its models may be used, their cards say.",
)


def chain_card(settings: SynthChainSettings) -> DataCard:
    """What a card says about finished chains, of what the manifests of the stages say."""
    kept = {stage: read_manifest(settings.output / file) for stage, file in FILES.items()}
    stages = {stage: manifest for stage, manifest in kept.items() if manifest is not None}
    built = stages["build"]["metrics"]
    held_out = {"held_out_prompts": TEST} if (settings.output / TEST).is_file() else {}
    words = ["detox", "synth", "chain", *([without_place(settings.model)] if settings.model else [])]
    return DataCard(
        name=settings.output.name,
        summary=(
            "Chains for self-detoxification (CMD, Tang et al., EMNLP 2024): toxic prompts with their spans "
            "masked and rephrased, what a model continued, and which continuations are answer and negatives. "
            "`detox train cmd --data` reads the folder."
        ),
        files={"chains": FILES["build"], **held_out},
        rows=built["toxic"] + built["safe"],
        tags=["detoxification", "self-detoxification", "cmd", "synthetic", "not-for-all-audiences"],
        sections={
            "Stages": _flow(stages),
            "Fields": _fields(),
            "Origin": _origin(stages),
        },
        limits=LIMITS,
        command=command_again(words, settings, LEFT_OUT, NAMED, settings.output),
    )


def _flow(stages: dict[str, dict[str, Any]]) -> str:
    rows = []
    for stage, manifest in stages.items():
        made = manifest["metrics"]
        why = "; ".join(f"{reason}: {count}" for reason, count in made["dropped"].items())
        rows.append(f"| {stage} | {made['toxic']} | {made['safe']} | {why} |")
    return "\n".join(["| stage | toxic prompts | others | dropped |", "|---|--:|--:|---|", *rows])


def _fields() -> str:
    """The attributes of a record, as its docstring has them."""
    text = (ChainRecord.__doc__ or "").split("Attributes:")[1]
    parts = (line.strip().partition(": ") for line in text.strip().splitlines())
    return "\n".join(f"- `{name}`: {what}" for name, _, what in parts)


def _origin(stages: dict[str, dict[str, Any]]) -> str:
    """Files from outside by name and sha256, models and scorers by name and fingerprint."""
    ours = set(FILES.values())
    lines = [
        f"- `{Path(name).name}`, sha256 `{it['sha256']}`"
        for manifest in stages.values()
        for name, it in manifest["inputs"].items()
        if Path(name).name not in ours and "sha256" in it
    ]
    for stage, manifest in stages.items():
        lines += [
            f"- {role} of stage {stage}: {without_place(it['name'])}, `{it['fingerprint']}`"
            for role, it in manifest["models"].items()
        ]
        lines += [f"- {what} of stage {stage}: `{name}`" for what, name in manifest["scorers"].items()]
    return "\n".join(dict.fromkeys(lines))
