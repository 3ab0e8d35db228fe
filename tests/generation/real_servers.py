"""Real servers on the loopback interface: vLLM's and that of transformers, where they are installed."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

CPU = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
}
SERVERS = ("transformers", "vllm")
PATIENCE_SECONDS = 900


class Running(NamedTuple):
    """Where a server is, and the session of its processes."""

    url: str
    session: int


def is_installed(kind: str) -> bool:
    """Whether a kind of server can be started here."""
    needed = {"vllm": ("vllm",), "transformers": ("fastapi", "uvicorn", "openai")}[kind]
    return all(importlib.util.find_spec(name) for name in needed)


@contextmanager
def real_server(kind: str, model: str, log: Path) -> Iterator[Running]:
    """A running server; skips the test where it is not installed.

    The model is served under its folder's name, by vLLM also as ``small``.
    """
    if not is_installed(kind):
        pytest.skip(f"the server of {kind} is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = ["--host", "127.0.0.1", "--port", str(port)]
    if kind == "vllm":
        # What `vllm serve` runs; the script itself looks for a distribution that the CPU build does not have.
        words = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model, *place]
        words += ["--dtype", "float32", "--enforce-eager", "--max-model-len", "512"]
        words += ["--served-model-name", model, "small", "--no-enable-chunked-prefill"]
        words += ["--max-num-batched-tokens", "4096"]
    else:
        script = Path(sys.executable).parent / "transformers"
        words = [str(script), "serve", model, *place, "--device", "cpu", "--dtype", "float32"]
    with log.open("w") as file:
        process = subprocess.Popen(
            words, env=os.environ | CPU, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait(process, port, log)
        yield Running(f"http://127.0.0.1:{port}/v1", process.pid)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def _wait(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.3)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
