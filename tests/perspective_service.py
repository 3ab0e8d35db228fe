"""A server on the loopback interface that speaks Perspective's protocol."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Service(ThreadingHTTPServer):
    """Scores a text by its length; ``faults`` come first, and a text with a ``rule`` is always refused."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.rules, self.bodies, self.lock = [], {}, [], threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/v1alpha1"

    def texts(self):
        return sorted(body["comment"]["text"] for body in self.bodies)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.bodies.append(body | {"path": self.path, "key": self.headers["X-Goog-Api-Key"]})
            fault = self.server.rules.get(body["comment"]["text"])
            fault = fault or (self.server.faults.pop(0) if self.server.faults else None)
        if fault:
            return self.answer(fault[0], fault[1])
        value = min(1.0, len(body["comment"]["text"]) / 10)
        scores = {
            name: {"summaryScore": {"value": value / place, "type": "PROBABILITY"}}
            for place, name in enumerate(body["requestedAttributes"], start=1)
        }
        return self.answer(200, {"attributeScores": scores, "languages": ["en"]})

    def answer(self, status, document):
        content = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def problem(status, message):
    return status, {"error": {"code": status, "message": message}}


@contextmanager
def serving():
    server = Service()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
