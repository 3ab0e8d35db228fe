"""A model hub on the loopback interface: real folders behind the addresses that the real clients ask for.

It answers what `huggingface_hub` and `datasets` ask for to list and fetch a repository at its one commit, and
what they must be told of one that is gated. Nothing in the project knows of it; ``HF_ENDPOINT`` names it.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GATED = "somebody/gated"
API = re.compile(r"/api/(models|datasets)/([\w.-]+/[\w.-]+)(?:/(revision|tree|paths-info)/([^/]+))?(/.*)?")
FILE = re.compile(r"/(datasets/)?([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)")


class _Handler(BaseHTTPRequestHandler):
    root: Path

    def do_GET(self) -> None:
        self._answer(send_body=True)

    def do_HEAD(self) -> None:
        self._answer(send_body=False)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(send_body=True)

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""

    def _answer(self, send_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if GATED in path:
            return self._fail(403, "GatedRepo")
        if found := API.fullmatch(path):
            kind, name, what, revision, _ = found.groups()
            return self._describe(self.root / kind / name, name, what, revision, send_body)
        if found := FILE.fullmatch(path):
            datasets, name, revision, file = found.groups()
            return self._file(
                self.root / ("datasets" if datasets else "models") / name, revision, file, send_body
            )
        return self._fail(404, "RepoNotFound")

    def _describe(
        self, folder: Path, name: str, what: str | None, revision: str | None, send_body: bool
    ) -> None:
        if not folder.is_dir():
            return self._fail(404, "RepoNotFound")
        if revision not in (None, "main", COMMIT):
            return self._fail(404, "RevisionNotFound")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = [path.relative_to(folder).as_posix() for path in files]
        if what in ("tree", "paths-info"):
            listing = [
                {"type": "file", "path": path, "size": (folder / path).stat().st_size, "oid": path}
                for path in names
            ]
            return self._send(json.dumps(listing).encode(), "application/json", send_body)
        siblings = [{"rfilename": path} for path in names]
        about = {"id": name, "sha": COMMIT, "private": False, "gated": False, "siblings": siblings}
        return self._send(json.dumps(about).encode(), "application/json", send_body)

    def _file(self, folder: Path, revision: str, name: str, send_body: bool) -> None:
        if not folder.is_dir():
            return self._fail(404, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self._fail(404, "RevisionNotFound")
        if not (folder / name).is_file():
            return self._fail(404, "EntryNotFound")
        return self._send((folder / name).read_bytes(), "application/octet-stream", send_body)

    def _send(self, body: bytes, kind: str, send_body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hash(body):x}"')
        self.end_headers()
        if send_body:
            self.wfile.write(body)

    def _fail(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def hub(root: Path) -> Iterator[str]:
    """Serve ``root/models/ORG/NAME`` and ``root/datasets/ORG/NAME``; the address is for ``HF_ENDPOINT``."""
    handler = type("Handler", (_Handler,), {"root": root})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
