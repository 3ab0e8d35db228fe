"""Processor, memory, accelerators, and the dtypes in which they can compute."""

import os
import platform
import shutil
from pathlib import Path

from detox_cli.services.doctor.check import Check, State

GIB = 1024**3
DTYPES = ("float32", "bfloat16", "float16")
SMALL_MEMORY_GIB = 2.0


def check_machine() -> list[Check]:
    """Everything that torch can use; a torch that cannot be imported is itself a finding."""
    checks = [_memory()]
    try:
        import torch  # noqa: F401
    except (ImportError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        advice = "reinstall torch: pip install --force-reinstall torch"
        return [*checks, _check("torch", "broken", f"cannot be imported: {reason}", advice)]
    return [*checks, _processor(), *_accelerators()]


def _processor() -> Check:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    level = torch.backends.cpu.get_cpu_capability()
    found = f"{platform.machine()}, {cores} cores, {level}; {_dtypes('cpu')}"
    return _check("cpu", "ok", found)


def _accelerators() -> list[Check]:
    import torch

    if torch.cuda.is_available():
        return [_gpu(index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        return [_check("mps", "ok", f"Apple GPU; {_dtypes('mps')}")]
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        build = torch.version.cuda or "a build without CUDA"
        advice = "install a torch that fits the driver: https://pytorch.org/get-started"
        return [_check("gpu", "note", f"there is one, but torch ({build}) cannot use it", advice)]
    return [_check("gpu", "ok", "none; everything runs on the CPU")]


def _gpu(index: int) -> Check:
    import torch

    name = f"cuda:{index}"
    major, minor = torch.cuda.get_device_capability(index)
    try:
        free, total = torch.cuda.mem_get_info(index)
        dtypes = _dtypes(name)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        return _check(name, "broken", f"cannot be used: {reason}", "see nvidia-smi, or give --device cpu")
    memory = f"{free / GIB:.1f} of {total / GIB:.1f} GiB free"
    return _check(name, "ok", f"{torch.cuda.get_device_name(index)} {major}.{minor}, {memory}; {dtypes}")


def _dtypes(device: str) -> str:
    """Which dtypes can multiply matrices on ``device``, tried out."""
    return "computes in " + ", ".join(name for name in DTYPES if _multiplies(device, name))


def _multiplies(device: str, dtype: str) -> bool:
    import torch

    try:
        one = torch.ones(8, 8, device=device, dtype=getattr(torch, dtype))
        return bool(torch.isfinite(one @ one).all())
    except (RuntimeError, TypeError):
        return False


def _memory() -> Check:
    total, free = _memory_bytes()
    if total is None:
        return _check("memory", "note", "unknown on this system")
    if free is None:
        return _check("memory", "ok", f"{total / GIB:.1f} GiB")
    found = f"{free / GIB:.1f} of {total / GIB:.1f} GiB free"
    if free / GIB < SMALL_MEMORY_GIB:
        return _check("memory", "note", found, "close other programs, or use --profile offline")
    return _check("memory", "ok", found)


def _memory_bytes() -> tuple[int | None, int | None]:
    """Installed and available memory, the smaller of the machine's and the control group's."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None, None
    free = _meminfo("MemAvailable")
    limit, used = _number("/sys/fs/cgroup/memory.max"), _number("/sys/fs/cgroup/memory.current")
    if limit is not None and limit < total:
        left = max(0, limit - (used or 0))
        return limit, left if free is None else min(left, free)
    return total, free


def _meminfo(key: str) -> int | None:
    path = Path("/proc/meminfo")
    if not path.is_file():
        return None
    lines = (line.split() for line in path.read_text().splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[0] == f"{key}:"), None)


def _number(path: str) -> int | None:
    try:
        text = Path(path).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _check(name: str, state: State, found: str, advice: str = "") -> Check:
    return Check(part="machine", name=name, state=state, found=found, advice=advice)
