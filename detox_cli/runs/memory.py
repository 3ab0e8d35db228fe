"""How much memory a process has needed."""

import sys


def peak_memory() -> dict[str, int]:
    """The most memory used so far, in bytes: by this process, and on accelerators if there are any."""
    peak: dict[str, int] = {}
    if sys.platform != "win32":
        import resource  # only Unix has it

        unit = 1 if sys.platform == "darwin" else 1024
        peak["process"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    # Whoever has not loaded torch has used no accelerator, and should not load it for a number.
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        devices = range(torch.cuda.device_count())
        peak["accelerator"] = sum(torch.cuda.max_memory_allocated(device) for device in devices)
    return peak
