"""The model hub: its cache on this machine, the token, and whether it can be reached."""

import os
import shutil
from pathlib import Path

from huggingface_hub import constants, get_session, get_token

from detox_cli.runs.folders import cache_folder
from detox_cli.services.doctor.check import Check, State

GIB = 1024**3
LITTLE_SPACE_GIB = 5.0
OFFLINE = "give --offline to save the waiting, and --profile offline to use the bundled models"
WITHOUT_HUB = "models come from local folders, from the cache, or from --profile offline"


def check_hub(timeout: float) -> list[Check]:
    """Cache, token and connection; nothing is sent when this process is offline.

    Args:
        timeout: Seconds to wait for an answer.
    """
    cache = Path(constants.HF_HUB_CACHE)
    models = sum(1 for folder in cache.glob("models--*") if folder.is_dir())
    return [
        _folder("model cache", cache, f"{models} models", "HF_HOME"),
        _folder("score cache", cache_folder(), "", "DETOX_CACHE"),
        _token(),
        _connection(timeout),
    ]


def _folder(name: str, path: Path, content: str, variable: str) -> Check:
    """A folder that must be writable, or creatable, and should have room."""
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    move = f"set {variable} to a folder on a disk with room that you may write to"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return _check(name, "broken", f"{path}: cannot be written to", move)
    free = shutil.disk_usage(there).free / GIB
    found = ", ".join(part for part in (str(path), content, f"{free:.1f} GiB free") if part)
    if free < LITTLE_SPACE_GIB:
        return _check(name, "note", found, move)
    return _check(name, "ok", found)


def _token() -> Check:
    """Only whether there is one."""
    if get_token():
        return _check("token", "ok", "there is one (not shown)")
    return _check("token", "note", "none; gated models want one: set HF_TOKEN, or run: hf auth login")


def _connection(timeout: float) -> Check:
    if constants.HF_HUB_OFFLINE:
        return _check("connection", "note", f"offline, as asked; {WITHOUT_HUB}")
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=timeout, follow_redirects=True)
    except (
        Exception
    ) as error:  # what the transport raises belongs to the HTTP library that the hub client ships
        reason = type(error).__name__
        return _check(
            "connection", "note", f"{constants.ENDPOINT}: no answer ({reason}); {WITHOUT_HUB}", OFFLINE
        )
    if answer.status_code >= 400:
        found = f"{constants.ENDPOINT}: answers {answer.status_code}; {WITHOUT_HUB}"
        return _check("connection", "note", found, OFFLINE)
    return _check("connection", "ok", f"{constants.ENDPOINT} answers")


def _check(name: str, state: State, found: str, advice: str = "") -> Check:
    return Check(part="hub", name=name, state=state, found=found, advice=advice)
