"""``detox.json``: what made an output, so that it can be understood and made again."""

import getpass
import hashlib
import importlib.metadata
import json
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from detox_cli import __version__
from detox_cli.data.bundled import file_of, is_bundled
from detox_cli.data.json_text import parse_json
from detox_cli.data.streams import hash_stream, is_stream
from detox_cli.errors import BadData
from detox_cli.runs.atomic import atomic_file
from detox_cli.runs.clock import steady_time
from detox_cli.runs.memory import peak_memory

NAME = "detox.json"
PASSING = (".status.json", ".status.json.new", ".lock")
"""How the hidden files end that lie beside an output while it is made."""
_PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "accelerate",
    "peft",
    "trl",
    "datasets",
    "detoxify",
    "numpy",
    "vllm",
    "ray",
)

_SECRET_NAME = re.compile(r"(^|_)(token|secret|passw(or)?d|(api|access)_?key|credentials?)$", re.IGNORECASE)
_LOGIN_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


def write_manifest(
    path: str | Path,
    *,
    command: str,
    settings: Mapping[str, object],
    inputs: Sequence[str | Path],
    models: Mapping[str, object],
    scorers: Mapping[str, object],
    metrics: Mapping[str, object],
    started: float,
    fingerprint: str | None = None,
) -> Path:
    """Describe the output at ``path``; call it when the output is complete.

    Args:
        path: The output: a folder, or a file.
        command: The verb, such as ``synth pairs``.
        settings: All settings as plain values; secrets and names of the user are masked.
        inputs: The files that were read; each is recorded with its size and sha256.
        models: What was loaded, by role: name, revision, fingerprint.
        scorers: The identity of every scorer, by what it measures.
        metrics: The numbers that were reported, with n and interval.
        started: `steady_time` at the start of this run (a resumed run counts its own time only).
        fingerprint: What decides whether the same command has to run again (see ``fingerprint``).

    Returns:
        The file: ``detox.json`` in a folder, ``NAME.detox.json`` beside a file.
    """
    path = Path(path)
    document = {
        "detox": __version__,
        "command": command,
        "fingerprint": fingerprint,
        "seed": settings.get("seed"),
        "settings": settings,
        "inputs": {str(name): _input_record(file_of(name)) for name in inputs},
        "models": models,
        "scorers": scorers,
        "metrics": metrics,
        "output": output_record(path),
        "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "wall_seconds": round(max(0.0, steady_time() - started), 3),
        "peak_memory_bytes": peak_memory(),
        "versions": versions(),
    }
    target = manifest_path(path)
    with atomic_file(target) as temporary:
        text = json.dumps(_masked(document), ensure_ascii=False, indent=2, default=str)
        temporary.write_text(text + "\n", encoding="utf-8")
    return target


def manifest_path(path: Path) -> Path:
    """Where the manifest of an output is."""
    return path / NAME if path.is_dir() else path.with_name(f"{path.name}.{NAME}")


def without_secrets(words: Sequence[str]) -> list[str]:
    """The words of a command line, with the values of secret options and the logins in addresses masked."""
    kept: list[str] = []
    for word in words:
        before = kept[-1] if kept else ""
        name, equals, _ = word.partition("=")
        if before.startswith("--") and "=" not in before and _is_secret(before):
            kept.append("***")
        elif word.startswith("--") and equals and _is_secret(name):
            kept.append(f"{name}=***")
        else:
            kept.append(_LOGIN_IN_URL.sub("***@", word))
    return kept


def read_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of an output, or ``None`` if it has none.

    Raises:
        BadData: It is damaged.
    """
    place = manifest_path(path)
    if not place.exists():
        return None
    try:
        document = parse_json(place.read_text(encoding="utf-8"))
    except ValueError:
        raise BadData(
            "the manifest is damaged", where=str(place), hint="remove it, or add --overwrite"
        ) from None
    return document if isinstance(document, dict) else None


def fingerprint(**parts: object) -> str:
    """A short hash of everything that decides an output: settings, input hashes, models, versions.

    Leave out what does not change the result, such as the device's batch size or the output's own name. An
    iterator counts as the list of its items, of which one is in memory at a time.
    """
    digest = hashlib.sha256()
    for text in _json_pieces(parts):
        digest.update(text.encode())
    return digest.hexdigest()[:32]


def _json_pieces(parts: Mapping[str, object]) -> Iterator[str]:
    """The parts as JSON, an iterator's items one after the other."""
    for number, name in enumerate(sorted(parts)):
        yield f"{', ' if number else '{'}{json.dumps(name)}: "
        part = parts[name]
        if not isinstance(part, Iterator):
            yield json.dumps(part, sort_keys=True, default=str)
            continue
        yield "["
        for place, item in enumerate(part):
            yield f"{', ' if place else ''}{json.dumps(item, sort_keys=True, default=str)}"
        yield "]"
    yield "}" if parts else "{}"


def hash_file(path: str | Path) -> str:
    """The sha256 of a file's content, in hex; of stdin (``-``) and pipes too, which can be read then.

    Of bundled rows by their name it is the whole file's.
    """
    if is_stream(str(path)):
        return hash_stream(str(path))
    with file_of(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_or_name(source: str | Path) -> str:
    """What tells an input from another: the sha256 of a file or a stream; a data set has only its name.

    Bundled rows have both, as a half of them has the file of the whole.
    """
    if is_bundled(source):
        return f"{source}@{hash_file(source)}"
    has_content = Path(source).is_file() or is_stream(str(source))
    return hash_file(source) if has_content else str(source)


def hash_weights(path: str | Path) -> str:
    """The xxh3_128 of a file's content, in hex, as ``xxhsum -H2`` prints it.

    For files of many gigabytes: it is read about as fast as the file, four times faster than sha256. It tells
    any two files apart but those that somebody made to be mistaken for each other.
    """
    import xxhash

    digest = xxhash.xxh3_128()
    buffer = memoryview(bytearray(1 << 20))
    with Path(path).open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


def output_record(path: Path) -> dict[str, object]:
    """What identifies a finished output: the hash of a file; the names and sizes of a folder's files.

    Hashing a model of many gigabytes takes longer than it is worth here.
    """
    if path.is_dir():
        inside = sorted(entry for entry in path.rglob("*") if entry.is_file() and entry != path / NAME)
        return {str(entry.relative_to(path)): entry.stat().st_size for entry in inside if not _passing(entry)}
    return _input_record(path)


def _passing(path: Path) -> bool:
    """Whether a file is there only while something is made, such as a part of the folder."""
    return path.name.startswith(".") and path.name.endswith(PASSING)


def versions() -> dict[str, str]:
    """Python, the system, and the packages that decide numbers, as far as they are installed."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _input_record(path: Path) -> dict[str, object]:
    if not path.is_file():  # stdin, or a data set by its id: the name is all there is
        return {}
    return {"bytes": path.stat().st_size, "sha256": hash_file(path)}


def _masked(value: object, key: str = "") -> object:
    """Plain values without secrets, the user's name or home."""
    if isinstance(value, Mapping):
        return {_masked(str(name)): _masked(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(inner, key) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    if text and _SECRET_NAME.search(key):
        return "***"
    return _without_user(_LOGIN_IN_URL.sub("***@", text))


def _is_secret(option: str) -> bool:
    return _SECRET_NAME.search(option.lstrip("-").replace("-", "_")) is not None


def _without_user(text: str) -> str:
    home = str(Path.home())
    if text == home or text.startswith(home + "/"):
        return "~" + text[len(home) :]
    path, user = PurePath(text), _user()
    if path.is_absolute() and user in path.parts:
        return str(PurePath(*("USER" if part == user else part for part in path.parts)))
    return text


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return None
