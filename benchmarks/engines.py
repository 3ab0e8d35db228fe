"""Tokens per second of the engines on the same two jobs, in one run.

25 continuations per prompt with `builtin:lm`, and rewriting behind a 10-shot conversation with
`builtin:chat`: the transformers engine, vLLM (here its CPU build), and a server on the loopback interface
asked by the server engine. Parts whose engine is not installed are said to be skipped.

    python -m benchmarks.engines [--prompts 8] [--repeats 3]

Every row is to write up to 20 tokens; what is counted are the tokens that each engine says it wrote. Loading
and first answers are left out. Processor time, a server's included, is what a busy machine changes least, so
the ratios are of that; wall time is what a user waits.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from benchmarks.generate import beginnings, sentences
from detox_cli.generation.load import load_engine
from detox_cli.generation.prompts import Shot, rewrite_conversation
from detox_cli.generation.requests import Request, Sampling
from detox_cli.generation.server_engine import ServerEngine, find_served
from detox_cli.generation.vllm_engine import VllmEngine
from detox_cli.models.sources import find_model
from tests.generation.real_servers import CPU, SERVERS, is_installed, real_server

SAMPLING = Sampling(max_new_tokens=20, temperature=1.0, top_p=0.9)
JOBS = {"n=25": "builtin:lm", "10-shot": "builtin:chat"}
MORE = {"n=25": 1, "10-shot": 8}
"""How many times the prompts that were asked for; one answer each makes a short job."""
ENGINES = ("transformers", "vllm", *(f"server of {kind}" for kind in SERVERS))


def requests_of(job: str, prompts: int) -> list[Request]:
    """What is asked for: one request per prompt."""
    if job == "n=25":
        return [Request(str(i), text, seed=i, samples=25) for i, text in enumerate(beginnings(prompts))]
    shots = [Shot(text, text) for text in sentences(10, 1)]
    asked = [rewrite_conversation(text, shots, "turns") for text in sentences(prompts, 2)]
    return [Request(str(i), turns, seed=i) for i, turns in enumerate(asked)]


def open_engine(name: str, model: str, stack: ExitStack, folder: Path) -> tuple[Any, int] | None:
    """The engine and the session whose processes work for it; ``None`` where it is not installed."""
    source = find_model(model)
    if name == "transformers":
        return load_engine(source, device="cpu"), os.getsid(0)
    kind = name.removeprefix("server of ")
    if not is_installed(kind):
        return None
    if name == "vllm":
        return VllmEngine(source, enforce_eager=True), os.getsid(0)
    running = stack.enter_context(real_server(kind, source.location, folder / "server.log"))
    return ServerEngine(find_served(running.url, source.location, None), concurrency=16), running.session


def processor_seconds(session: int) -> float:
    """What this process and all processes of a session have spent so far."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it ended in between
            continue
        if int(fields[3]) == session and path.parent.name != str(os.getpid()):
            ticks += int(fields[11]) + int(fields[12])
    others = ticks / os.sysconf("SC_CLK_TCK") if session != os.getsid(0) else 0.0
    return time.process_time() + others


def measure(engine: Any, session: int, requests: Sequence[Request]) -> tuple[int, float, float]:
    """Tokens written, wall seconds, processor seconds here and in the server."""
    wall, own = time.perf_counter(), processor_seconds(session)
    answers = list(engine.generate(requests, SAMPLING))
    wall, own = time.perf_counter() - wall, processor_seconds(session) - own
    if len(answers) != len(requests) or any(answer.fault for answer in answers):
        raise SystemExit(f"{len(requests)} rows were asked for; not all were answered")
    return sum(sample.tokens for answer in answers for sample in answer.samples), wall, own


def row(name: str, runs: list[tuple[int, float, float]], base: float | None) -> tuple[str, float]:
    """One line of the table, and tokens per processor second: the median of the repeats."""
    by_wall = sorted(tokens / wall for tokens, wall, _ in runs)
    by_cpu = sorted(tokens / own for tokens, _, own in runs)
    speed, busy = statistics.median(by_wall), statistics.median(by_cpu)
    ratio = 1.0 if base is None else busy / base
    tokens = statistics.median_low([tokens for tokens, _, _ in runs])
    cells = (
        name,
        str(tokens),
        f"{busy:.0f} ({by_cpu[0]:.0f} to {by_cpu[-1]:.0f})",
        f"{ratio:.2f}",
        f"{speed:.0f} ({by_wall[0]:.0f} to {by_wall[-1]:.0f})",
    )
    return f"| {' | '.join(cells)} |", busy


def compare(job: str, prompts: int, repeats: int, say: Callable[[str], None]) -> None:
    """Print the table of one job."""
    requests = requests_of(job, prompts * MORE[job])
    asked = sum(request.samples for request in requests)
    say(f"\n{job} with {JOBS[job]}: {len(requests)} prompts, {asked} answers, {repeats} repeats\n")
    say("| engine | tokens | tokens per CPU second (lowest to highest) | ratio | tokens per second |")
    say("|---|--:|--:|--:|--:|")
    base: float | None = None
    for name in ENGINES:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            opened = open_engine(name, JOBS[job], stack, folder)
            if opened is None:
                say(f"| {name} | skipped: not installed | | | |")
                continue
            measure(*opened, requests[:2])
            line, speed = row(name, [measure(*opened, requests) for _ in range(repeats)], base)
            base = base or speed
            say(line)


def main() -> None:
    """Run both jobs with every engine that is here."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    options: Any = parser.parse_args()
    for name, value in CPU.items():
        os.environ.setdefault(name, value)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, torch {torch.__version__}")
    for job in JOBS:
        compare(job, options.prompts, options.repeats, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
