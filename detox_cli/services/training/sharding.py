"""Models whose weights are split over processes by FSDP or DeepSpeed: what was asked for, and who cannot."""

import os
from collections.abc import Mapping
from typing import Any

from detox_cli.errors import BadSettings

ASKED = {"FSDP": "ACCELERATE_USE_FSDP", "DeepSpeed": "ACCELERATE_USE_DEEPSPEED"}
"""What ``accelerate launch`` tells its processes, in environment variables."""
WRAPPERS = ("_checkpoint_wrapped_module.", "_fsdp_wrapped_module.")
"""What wrappers put into the names of weights."""
WHOLE = "launch it without --config_file, or with zero2.yaml, which splits no weights"


def asked_split() -> str | None:
    """What ``accelerate launch`` was told to split with."""
    return next((name for name, variable in ASKED.items() if _is_on(variable)), None)


def check_start() -> None:
    """Raise ``BadSettings`` where processes would start from weights that only the first one has read."""
    if asked_split() == "FSDP" and _is_on("FSDP_CPU_RAM_EFFICIENT_LOADING"):
        hint = "write fsdp_cpu_ram_efficient_loading: false into the configuration of accelerate"
        raise BadSettings("every process has to read the model", where="accelerate launch", hint=hint)


def check_split(trainer: Any) -> None:
    """Raise ``BadSettings`` if nothing is split although it was asked for: accelerate does it on GPUs."""
    split = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    if asked_split() and not split:
        raise BadSettings(
            f"{asked_split()} was asked for, and accelerate has it for GPUs only",
            where="accelerate launch",
            hint="without GPUs use --multi_gpu --num_processes 2 and --device cpu; nothing is split then",
        )


def splits_weights(trainer: Any) -> bool:
    """Whether no process has the whole model: FSDP, or the third stage of ZeRO."""
    if trainer.is_deepspeed_enabled:
        return int(trainer.accelerator.state.deepspeed_plugin.zero_stage) == 3
    return bool(trainer.is_fsdp_enabled)


def needs_whole(trainer: Any, what: str, where: str, hint: str = WHOLE) -> None:
    """Raise ``BadSettings`` if the weights are split; ``what`` cannot be done then."""
    if splits_weights(trainer):
        raise BadSettings(f"{what} needs the whole model on every GPU", where=where, hint=hint)


def tied_again(model: Any, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Gathered weights, in which those that are one in the model are one tensor again.

    Gathering makes a copy for each name, and a folder would hold an embedding that is also the head twice.
    """
    names: dict[int, str] = {}
    found = dict(weights)
    for wrapped, weight in model.named_parameters(remove_duplicate=False):
        name = wrapped
        for wrapper in WRAPPERS:
            name = name.replace(wrapper, "")
        first = names.setdefault(id(weight), name)
        if name in found and first in found:
            found[name] = found[first]
    return found


def sizes(model: Any) -> dict[str, int]:
    """How many weights are trained and how many there are, also where this process holds none of them."""
    counts = [(int(getattr(one, "ds_numel", one.numel())), one.requires_grad) for one in model.parameters()]
    return {"trained": sum(n for n, trained in counts if trained), "all": sum(n for n, _ in counts)}


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true")
