"""Detoxify's checkpoints: its scores, in batches by length, and without running what a file may contain.

``Detoxify`` itself unpickles a checkpoint with everything in it, which can run code. Here it is read as plain
weights. A published one, whose SHA-256 begins with the digits in its name, may hold more, which is not run.
"""

import hashlib
import os
import pickle
import re
import urllib.error
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
import transformers
from detoxify.detoxify import MODEL_URLS

from detox_cli.errors import BadData, BadSettings, DetoxError, Missing
from detox_cli.models.inert_pickle import load_lifeless
from detox_cli.models.loading import Loaded, pick_device
from detox_cli.models.sources import ModelSource
from detox_cli.scoring.batching import BATCH_TOKENS
from detox_cli.scoring.classifier import TextClassifier
from detox_cli.scoring.labels import find_label, meaning_of
from detox_cli.scoring.spec import Spec

HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.ckpt$")
NEW_NAMES = {"toxic": "toxicity", "identity_hate": "identity_attack", "severe_toxic": "severe_toxicity"}
FETCH = "fetch it again, or name another checkpoint"
"""What Detoxify calls the classes that the three training sets name differently."""


class DetoxifyClassifier(TextClassifier):
    """P(class) as ``Detoxify.predict`` gives it: the sigmoid of the class's logit."""

    kind: ClassVar[str] = "detoxify"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file that was found; ``published`` if Detoxify's authors name it, then by their name."""

    path: Path
    published: bool
    digest: str
    name: str


def load_detoxify(
    spec: Spec, device: str = "auto", batch_tokens: int = BATCH_TOKENS, checkpoint: Path | None = None
) -> DetoxifyClassifier:
    """The scorer of one class (default ``toxicity``) of a published or local Detoxify checkpoint.

    Args:
        spec: Its target is a published name (``original``, ``unbiased``, ``multilingual``,
            ``original-small``, ``unbiased-small``), a ``.ckpt`` file, or a folder with one. Configuration and
            tokenizer come from beside the file where ``config.json`` lies there, else from the hub.
        device: As everywhere; ``auto`` takes a GPU if there is one.
        batch_tokens: Padded tokens in one batch.
        checkpoint: The published file, by whatever name, or a folder with it; then nothing is fetched.

    Raises:
        Missing: No such checkpoint, or its configuration cannot be had.
        BadData: It is no Detoxify checkpoint, was changed, or holds more than weights.
    """
    found = find_checkpoint(spec.target, checkpoint)
    content = read_checkpoint(found)
    loaded, classes = _build(content, found, pick_device(device))
    index = find_label(classes, spec.label or "toxicity", f"detoxify:{spec.target}")
    identity = f"{found.name}@{found.digest[:16]}"
    meaning = spec.meaning or meaning_of(classes[index])
    return DetoxifyClassifier(loaded, identity, classes[index], index, meaning, "sigmoid", batch_tokens)


def find_checkpoint(target: str, checkpoint: Path | None = None) -> Checkpoint:
    """Find ``target`` on the disk, or fetch a published one into torch's hub folder; its hash is checked.

    Raises:
        Missing: It is not there. BadData: Its content is not what its name says.
        BadSettings: ``checkpoint`` is given for something that is not published.
    """
    if target in MODEL_URLS:
        name = MODEL_URLS[target].rpartition("/")[2]
        path = _given(checkpoint, name) if checkpoint is not None else _fetch(MODEL_URLS[target])
        return _checked(path, name, published=True)
    if checkpoint is not None:
        raise BadSettings(
            f"--checkpoint holds a published file, and 'detoxify:{target}' names none",
            hint=f"write detoxify:{checkpoint}, or name one of {', '.join(MODEL_URLS)}",
        )
    path = Path(target).expanduser()
    if path.is_dir():
        inside = sorted(path.glob("*.ckpt"))
        if len(inside) != 1:
            raise Missing(
                f"{len(inside)} files *.ckpt in {target}", hint="name one: detoxify:FOLDER/NAME.ckpt"
            )
        path = inside[0]
    if not path.is_file():
        names = ", ".join(MODEL_URLS)
        raise Missing(f"no Detoxify checkpoint '{target}'", hint=f"name a file *.ckpt, or one of {names}")
    return _checked(path, path.name, published=path.name in {Path(url).name for url in MODEL_URLS.values()})


def read_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    """The checkpoint's ``config`` and ``state_dict``, read as plain weights; nothing in it is run."""
    try:
        content = _plain(checkpoint)
    except DetoxError:
        raise
    except Exception as error:  # a file that is no pickle can break the reader in any way
        raise BadData("this is not a checkpoint", where=str(checkpoint.path), hint=FETCH) from error
    if not isinstance(content, dict) or not {"config", "state_dict"} <= content.keys():
        raise BadData(
            "this checkpoint lacks 'config' or 'state_dict'", where=str(checkpoint.path), hint=FETCH
        )
    return content


def _plain(checkpoint: Checkpoint) -> Any:
    try:
        return torch.load(checkpoint.path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if checkpoint.published:
            return load_lifeless(checkpoint.path)
        raise BadData(
            "this checkpoint holds more than weights, and reading the rest could run code",
            where=str(checkpoint.path),
            hint="save it again with plain numbers, lists and dictionaries beside the weights",
        ) from error


def _given(place: Path, name: str) -> Path:
    path = place.expanduser()
    path = path / name if path.is_dir() else path
    if not path.is_file():
        raise Missing(f"no {name} at {place}", hint="check --checkpoint, a file or the folder that holds it")
    return path


def _checked(path: Path, name: str, *, published: bool) -> Checkpoint:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    stated = HASH_IN_NAME.search(name)
    if stated and not digest.startswith(stated[1]):
        raise BadData(
            f"the content does not match the hash in the name, {stated[1]}"
            + ("" if name == path.name else f", of {name}"),
            where=str(path),
            hint="remove it and fetch it again",
        )
    return Checkpoint(path, published and stated is not None, digest, name)


def _fetch(url: str) -> Path:
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if path.exists():
        return path
    ways_out = f"put {path.name} into {path.parent}, or use --profile offline for the bundled models"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise Missing(f"{path.name} is not here, and this run is offline", hint=ways_out)
    path.parent.mkdir(parents=True, exist_ok=True)
    stated = HASH_IN_NAME.search(path.name)
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=stated and stated[1], progress=False)
    except RuntimeError as error:
        raise BadData(
            f"what {url} gives does not match the hash in its name",
            where=path.name,
            hint="try again later, or fetch it yourself and give it with --checkpoint",
        ) from error
    except (urllib.error.URLError, OSError) as error:
        raise Missing(f"{path.name} cannot be fetched from here", hint=ways_out) from error
    return path


def _build(content: dict[str, Any], checkpoint: Checkpoint, device: torch.device) -> tuple[Loaded, list[str]]:
    where = str(checkpoint.path)
    try:
        wanted, classes = content["config"]["arch"]["args"], content["config"]["dataset"]["args"]["classes"]
        model_class = _transformers_class(wanted["model_name"], "ForSequenceClassification")
        tokenizer_class = _transformers_class(wanted["tokenizer_name"], "Tokenizer")
    except (KeyError, TypeError) as error:
        raise BadData(f"this checkpoint's config lacks {error}", where=where, hint=FETCH) from error
    beside = checkpoint.path.parent
    origin = str(beside) if (beside / "config.json").exists() else str(wanted["model_type"])
    try:
        config = model_class.config_class.from_pretrained(origin, num_labels=len(classes))
        tokenizer = tokenizer_class.from_pretrained(origin)
    except (OSError, ValueError) as error:
        raise Missing(
            f"the configuration and tokenizer of {origin}, which {checkpoint.path.name} needs, cannot be had",
            hint=f"put its config.json and tokenizer files into {beside}",
        ) from error
    names = [NEW_NAMES.get(name, name) for name in classes]
    return Loaded(
        _model(model_class, config, content["state_dict"], where).to(device).eval(),
        tokenizer,
        ModelSource(checkpoint.path.name, where, "folder"),
    ), names


def _model(model_class: Any, config: Any, state: dict[str, torch.Tensor], where: str) -> Any:
    try:
        model, report = model_class.from_pretrained(
            None, config=config, state_dict=state, output_loading_info=True, dtype=torch.float32
        )
    except RuntimeError as error:
        raise BadData("the weights do not fit the configuration", where=where, hint=FETCH) from error
    if report["missing_keys"] or report["mismatched_keys"]:
        lacking = sorted(str(key) for key in [*report["missing_keys"], *report["mismatched_keys"]])
        raise BadData(f"the weights do not fit the configuration, see {lacking[0]}", where=where, hint=FETCH)
    return model


def _transformers_class(name: str, kind: str) -> Any:
    """A class of transformers whose name says that it is of this kind; nothing else a file may ask for."""
    if kind not in name or not hasattr(transformers, name):
        raise BadSettings(f"the checkpoint asks for '{name}', which is no {kind} of transformers", hint=FETCH)
    return getattr(transformers, name)
