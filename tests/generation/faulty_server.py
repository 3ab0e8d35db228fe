"""A server on the loopback interface that speaks the protocol and misbehaves on purpose."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = tuple[int, dict[str, str], str] | str
"""A status with headers and a body, or what else to do: ``drop``, ``garbage``, ``shape`` or ``slow``."""


@dataclass
class FaultyServer:
    """What to do wrong, and what was asked.

    Attributes:
        faults: For the next requests, in order; afterwards all is well.
        rule: Decides by the request's body, before ``faults``.
        owner: Who is said to own the model.
    """

    faults: list[Fault] = field(default_factory=list)
    rule: Callable[[dict[str, Any]], Fault | None] = lambda _: None
    owner: str = "somebody"
    finish_reason: str = "stop"
    list_status: int = 200
    list_text: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    most_at_a_time: int = 0
    url: str = ""
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def prompts(self) -> list[str]:
        """What was asked for in raw text, in the order of arrival."""
        return [body["prompt"] for body in self.bodies]

    def next_fault(self, body: dict[str, Any]) -> Fault | None:
        """Take note of a request, and say what to do wrong."""
        with self.lock:
            self.bodies.append(body)
        ruled = self.rule(body)
        with self.lock:
            return ruled or (self.faults.pop(0) if self.faults else None)


def answer_to(server: FaultyServer, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """A right answer, which repeats the seed so that samples can be told apart."""
    count = body.get("n", 1)
    choices: list[dict[str, Any]] = []
    for index in range(count):
        text = f" answer {body['seed'] + index}"
        said = {"message": {"content": text}} if path.endswith("/chat/completions") else {"text": text}
        tokens = {"token_ids": [7] * (3 + index)} if body.get("return_token_ids") else {}
        choices.append({"index": index, "finish_reason": server.finish_reason, **said, **tokens})
    usage = {"prompt_tokens": 5, "completion_tokens": 3 * count}
    return {"model": body["model"], "choices": choices[::-1], "usage": usage}


@contextmanager
def faulty_server(**settings: Any) -> Iterator[FaultyServer]:
    """A running server."""
    state = FaultyServer(**settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.keys.add(self.headers.get("Authorization"))
            cards = [{"id": name, "owned_by": state.owner, "root": "org/base"} for name in ("m", "other")]
            self.send(state.list_status, {}, state.list_text or json.dumps({"data": cards}))

        def do_POST(self) -> None:
            state.keys.add(self.headers.get("Authorization"))
            with state.lock:
                state.now += 1
                state.most_at_a_time = max(state.most_at_a_time, state.now)
            try:
                self.respond(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            finally:
                with state.lock:
                    state.now -= 1

        def respond(self, body: dict[str, Any]) -> None:
            fault = state.next_fault(body)
            if isinstance(fault, tuple):
                self.send(*fault)
            elif fault == "drop":
                self.close_connection = True
                self.connection.close()
            elif fault == "garbage":
                self.send(200, {}, "<html>busy</html>")
            elif fault == "shape":
                self.send(200, {}, json.dumps({"choices": []}))
            else:
                time.sleep(1.0 if fault == "slow" else 0.02)
                self.send(200, {}, json.dumps(answer_to(state, self.path, body)))

        def send(self, status: int, extra: dict[str, str], text: str) -> None:
            payload = text.encode()
            self.send_response(status)
            for name, value in {**extra, "Content-Length": str(len(payload))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def handle(self) -> None:
            """A client that gave up waiting is no news."""
            try:
                super().handle()
            except (ConnectionError, ValueError, OSError):
                self.close_connection = True

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    state.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        http.shutdown()
        http.server_close()
