"""One process beside a Ray cluster of two machines: the same bytes, and what a killed actor costs.

    python benchmarks/ray_cluster.py [--prompts 96] [--latency 0.4] [--keep DIR]

Both machines of the cluster are on this computer, with one core each. ``builtin:lm`` continues made-up
prompts in one process, in one actor, in two, and in two of which one is killed by SIGKILL once the first
answers are in the journal. A model that computes here shows a speedup only as far as there are cores that
nobody else uses; so the same is done with a server that answers after a fixed time, one request at a time for
each actor.

Seconds are of the clock, from start to end of the command with imports and loading; processor seconds are of
the command and all processes of the cluster together. The exit code is 1 if a file differs.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MACHINE = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 80 * 2**20}
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    options = _options()
    place = Path(options.keep or tempfile.mkdtemp()).resolve()
    place.mkdir(parents=True, exist_ok=True)
    prompts = place / "prompts.jsonl"
    rows = [
        {"id": f"p{i}", "prompt": f"The {('weather', 'game', 'film')[i % 3]} number {i} was"}
        for i in range(options.prompts)
    ]
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    print("| engine | actors | killed | seconds | processor seconds | rows lost | bytes of the first row |")
    print("|---|--:|--:|--:|--:|--:|---|")
    with _two_machines() as address, _slow_server(options.latency) as url:
        same = _series(
            prompts,
            place,
            address,
            "transformers",
            ["builtin:lm", "--num-samples", "4", "--batch-tokens", "1024", "--device", "cpu"],
        )
        asked = ["echo", "--base-url", url, "--concurrency", "1"]
        same &= _series(prompts, place, address, "server", asked)
    return 0 if same else 1


def _series(prompts: Path, place: Path, address: str, engine: str, given: list[str]) -> bool:
    """The rows of one engine; whether all files are equal."""
    model, *rest = given
    line = [
        sys.executable,
        "-m",
        "detox_cli",
        "generate",
        model,
        str(prompts),
        "--max-new-tokens",
        "24",
        *rest,
    ]
    there = ["--engine", "ray", "--ray-engine", engine, "--ray-address", address]
    ways = [("one process", ["--engine", engine], 0), ("1", [*there, "--ray-actors", "1"], 0)]
    ways += [("2", [*there, "--ray-actors", "2"], killed) for killed in (0, 1)]
    wanted, same = b"", True
    for number, (actors, more, killed) in enumerate(ways):
        out = place / f"{engine}-{number}.jsonl"
        seconds, processor = _run([*line, *more, "-o", str(out), "--overwrite", "--quiet"], out, killed)
        found = out.read_bytes()
        wanted = wanted or found
        lost = wanted.count(b"\n") - found.count(b"\n")
        equal = "yes" if found == wanted else "NO"
        same &= found == wanted
        print(
            f"| {engine} | {actors} | {killed} | {seconds:.1f} | {processor:.1f} | {lost} | {equal} |",
            flush=True,
        )
    return same


def _run(command: list[str], out: Path, kills: int) -> tuple[float, float]:
    """Seconds of the clock and of all processors."""
    before, started = _processor_seconds(), time.monotonic()
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    journal = out.with_name(f"{out.name}.journal")
    while run.poll() is None:
        if kills and journal.exists() and journal.read_bytes().count(b"\n") > 1:
            kills -= _kill_an_actor()
        time.sleep(0.05)
    if run.returncode or kills:
        raise SystemExit(f"exit code {run.returncode}, {kills} kills missing: {' '.join(command)}")
    return time.monotonic() - started, _processor_seconds() - before


def _kill_an_actor() -> int:
    for process, _ in _descendants():
        if b"ray::MapWorker" in _read(process, "cmdline"):
            os.kill(process, signal.SIGKILL)
            return 1
    return 0


def _processor_seconds() -> float:
    """Of all descendants, and of theirs that have ended."""
    own = os.times()
    ticks = sum(sum(map(int, fields[11:15])) for _, fields in _descendants())
    return ticks / TICKS + own.children_user + own.children_system


def _descendants() -> list[tuple[int, list[bytes]]]:
    """Process ids, and the fields of ``/proc/PID/stat`` behind the name."""
    every = {
        int(p.name): _read(int(p.name), "stat").rpartition(b") ")[2].split()
        for p in Path("/proc").glob("[0-9]*")
    }
    found, new = set[int](), {os.getpid()}
    while new:
        new = {one for one, fields in every.items() if fields and int(fields[1]) in new} - found
        found |= new
    return [(one, every[one]) for one in sorted(found)]


def _read(process: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{process}/{name}").read_bytes()
    except OSError:
        return b""


@contextmanager
def _two_machines() -> Iterator[str]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**MACHINE, "include_dashboard": False})
    try:
        cluster.add_node(**MACHINE)
        yield cluster.address
    finally:
        cluster.shutdown()


@contextmanager
def _slow_server(latency: float) -> Iterator[str]:
    """A server that gives the prompt back, in capitals, after ``latency`` seconds."""

    class Answers(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._say({"data": [{"id": "echo", "owned_by": "nobody"}]})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(latency)
            choice = {"index": 0, "text": asked["prompt"].upper(), "finish_reason": "stop"}
            self._say(
                {"model": "echo", "choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 5}}
            )

        def _say(self, what: dict) -> None:
            body = json.dumps(what).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=96)
    parser.add_argument("--latency", type=float, default=0.4, help="seconds of one answer of the server")
    parser.add_argument("--keep", help="folder for the files; a temporary one if not given")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
