"""Where a model comes from: a bundled miniature, a local folder, or the model hub."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.models.hub import HUB_TIMEOUT_SECONDS, hub_answers, no_answer
from detox_cli.runs.manifest import NAME

MINIATURES = Path(__file__).parent.parent / "miniatures"
WAYS_OUT = "name a local folder, or use --profile offline for the bundled models"
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
FINGERPRINTED = (".json", ".safetensors", ".bin", ".model", ".txt", ".jinja", ".py")
INDEX = "model.safetensors.index.json"
"""Says which file of several holds which tensor."""

Kind = Literal["builtin", "folder", "hub"]


@dataclass(frozen=True)
class ModelSource:
    """A model that was found.

    Attributes:
        name: As the user wrote it.
        location: What ``from_pretrained`` is given: a folder, or the hub name.
        kind: Where it was found.
        revision: The commit of a hub model; ``None`` for folders.
    """

    name: str
    location: str
    kind: Kind
    revision: str | None = None

    @property
    def fingerprint(self) -> str:
        """The identity of the content: a hub commit, or 16 hex digits over config, weights and tokenizer."""
        if self.kind == "hub":
            return self.revision or ""
        return folder_fingerprint(Path(self.location))


def find_model(name: str, revision: str | None = None, may_be_pickled: bool = False) -> ModelSource:
    """Find ``name``: ``builtin:NAME``, a folder, or a hub id (online, else in the local hub cache).

    A folder with pickled weights only is refused, unless ``may_be_pickled``: it cannot be loaded as it is.

    Raises:
        Missing: There is no such model, or it cannot be reached from here.
        BadSettings: The folder is not a complete model, or a revision was asked of a folder.
    """
    if name.startswith("builtin:"):
        return _builtin(name, revision)
    path = Path(name).expanduser()
    if path.exists() or name.startswith(("/", "./", "../", "~")):
        return _folder(name, path, revision, may_be_pickled)
    if not HUB_NAME.fullmatch(name):
        raise Missing(f"no model folder and no hub id: {name}", hint=WAYS_OUT)
    return ModelSource(name, name, "hub", _hub_commit(name, revision))


def folder_fingerprint(folder: Path) -> str:
    """Short SHA-256 over names and contents of the files that define a model, remembered by size and time.

    The manifest of the run that made it is none of them: what it says of times changes no answer.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.suffix in FINGERPRINTED and p.name != NAME):
        stat = path.stat()
        digest.update(f"{path.name}\0{_file_digest(path, stat.st_size, stat.st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=4096)
def _file_digest(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _builtin(name: str, revision: str | None) -> ModelSource:
    folder = MINIATURES / name.removeprefix("builtin:")
    _refuse_revision(name, revision)
    known = sorted(p.parent.name for p in MINIATURES.glob("*/config.json"))
    if name.removeprefix("builtin:") not in known:
        listed = ", ".join(f"builtin:{k}" for k in known) or "none"
        raise Missing(f"no bundled model {name}; bundled are: {listed}", hint=WAYS_OUT)
    _check_complete(name, folder)
    return ModelSource(name, str(folder), "builtin")


def _folder(name: str, path: Path, revision: str | None, may_be_pickled: bool) -> ModelSource:
    if not path.exists():
        raise Missing(f"no such model folder: {name}", hint=WAYS_OUT)
    if not path.is_dir():
        raise BadSettings(
            f"a model is a folder, this is a file: {name}", hint="name the folder that holds it"
        )
    _refuse_revision(name, revision)
    _check_complete(name, path, may_be_pickled)
    return ModelSource(name, str(path.resolve()), "folder")


def _refuse_revision(name: str, revision: str | None) -> None:
    if revision is not None:
        raise BadSettings(f"--revision is for hub models, {name} is a folder", hint="leave --revision out")


def _check_complete(name: str, folder: Path, may_be_pickled: bool = False) -> None:
    """Raise if a folder cannot be loaded, with the reason that a person can act on."""
    if (folder / "adapter_config.json").exists() and not (folder / "config.json").exists():
        raise BadSettings(
            f"{name} holds an adapter, not a model",
            hint=f"fold it in first: detox merge BASE --adapter {name}",
        )
    if not (folder / "config.json").exists():
        raise BadSettings(
            f"config.json is missing in {name}", hint="name a folder written by save_pretrained"
        )
    if not any(folder.glob("*.safetensors")):
        pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        if may_be_pickled and pickled:
            return
        if (folder / INDEX).exists():
            wrong = f"{INDEX} names files of weights, and none is there"
            raise BadData(wrong, where=name, hint="fetch or copy the whole folder again")
        reason = "its weights are pickled, which can run code" if pickled else "it holds no *.safetensors"
        raise BadSettings(f"no usable weights in {name}: {reason}", hint="save the model as safetensors")


def _hub_commit(name: str, revision: str | None) -> str:
    """The commit that ``revision`` (default: main) of a hub model stands for now; offline, when last looked.

    Asking for a file rather than for the commit makes the hub's client note what the branch stood for, which
    is how the model is found again without a network.
    """
    # Work on folders alone does not wait for the hub's client, which loads longer than all else here.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        away = not hub_answers(name, "config.json", revision)
        config = hf_hub_download(
            name,
            "config.json",
            revision=revision,
            etag_timeout=HUB_TIMEOUT_SECONDS,
            local_files_only=away,
        )
    except HFValidationError as error:
        raise Missing(f"no model folder and no hub id: {name}", hint=WAYS_OUT) from error
    except GatedRepoError as error:
        raise Missing(f"{name} wants its terms accepted and a token", hint="set HF_TOKEN") from error
    except RevisionNotFoundError as error:
        raise Missing(f"{name} has no revision {revision}", hint="look at its history on the hub") from error
    except RepositoryNotFoundError as error:
        raise Missing(f"no model {name}, neither as a folder nor on the hub", hint=WAYS_OUT) from error
    except RemoteEntryNotFoundError as error:
        raise Missing(f"{name} is no model: it has no config.json", hint=WAYS_OUT) from error
    except no_answer() as error:
        raise Missing(f"the hub model {name} cannot be fetched from here", hint=WAYS_OUT) from error
    return Path(config).parent.name
