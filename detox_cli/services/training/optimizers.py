"""Optimizers that need more than what is always installed."""

import importlib.util

from detox_cli.errors import BadSettings, Missing


def find_optimizer(name: str, device: str) -> None:
    """Look whether an optimizer can be used; ``device`` is ``auto`` or ``cpu``.

    Raises:
        Missing: The library that has it is not installed.
        BadSettings: It needs a GPU.
    """
    if not name.startswith("paged_"):
        return
    from torch.cuda import is_available

    hint = "use --optimizer adamw_torch, which counts alike"
    if device == "cpu" or not is_available():
        raise BadSettings(f"{name} needs a GPU", where="--optimizer", hint=hint)
    if importlib.util.find_spec("bitsandbytes") is None:
        hint = f"pip install 'detox-cli[quantize]', or {hint}"
        raise Missing("bitsandbytes is not installed", where="--optimizer", hint=hint)
