"""Pooled hidden states of many texts in a folder: read once, at all places in one pass, which can go on."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.activations.pooled import Place, places_named, pooled_states, text_batches
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.loading import Loaded, load_causal
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_file, write_errors
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.settings.probe import ProbeReading

IDENTITY, ABOUT, DONE = "identity", "features.json", "reading.journal"
Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """What was read.

    Attributes:
        folder: Where it lies: a file of float32 ``[texts, d]`` for each place.
        texts: How many.
        width: The size d of the hidden states.
        layers: How many blocks the model has.
        places: Where the model was read.
        cut: How many texts were longer than the limit.
        tokens: How many tokens were read of all texts.
    """

    folder: Path
    texts: int
    width: int
    layers: int
    places: tuple[Place, ...]
    cut: int
    tokens: int

    def at(self, place: Place) -> Floats32:
        """The states at a place, ``[texts, d]``, mapped from the disk."""
        return np.memmap(self.folder / _file(place), np.float32, "r", shape=(self.texts, self.width))


@contextmanager
def features_of(
    settings: ProbeReading,
    source: ModelSource,
    texts: Sequence[str],
    names: Sequence[str],
    progress: Progress,
) -> Iterator[Features]:
    """The pooled states of ``texts``; the model is loaded only if there is something to read.

    They are kept in the folder that the settings name, or beside the output until the work is done. Work that
    fails leaves them for the next try.

    Args:
        settings: The model, where and how it is read.
        source: The model.
        texts: Texts that are not empty.
        names: Of the texts, for messages.
        progress: Listens.

    Raises:
        BadData: States are not finite.
        BadSettings: There is no such place in the model, or the folder holds states of another run.
        DetoxError: The disk is full.
    """
    folder = settings.features or settings.output.with_name(settings.output.name + ".features")
    identity = fingerprint(
        kind="features",
        model=[source.name, source.revision, source.fingerprint],
        texts=list(texts),
        reading=settings.model_dump(include={"layers", "pooling", "max_tokens", "dtype"}),
    )
    if _another(folder, identity):
        if not settings.overwrite:
            raise BadSettings(
                "hidden states of other texts, another model or another reading are there",
                where=str(folder),
                hint="name another folder with --features, or add --overwrite",
            )
        shutil.rmtree(folder)
    found = _finished(folder)
    if found is not None:
        progress.stage(f"hidden states of {found.texts} texts are there already")
    else:
        progress.stage(f"loading {settings.model}")
        loaded = load_causal(source, settings.device, settings.dtype, settings.trust_remote_code)
        found = _read(settings, loaded, texts, names, folder, identity, progress)
    yield found
    if settings.features is None:
        shutil.rmtree(folder)


def _another(folder: Path, identity: str) -> bool:
    """Whether a folder holds states that are not these; one that is no folder of states is not touched."""
    path = folder / IDENTITY
    if path.exists():
        return path.read_text(encoding="utf-8") != identity
    if folder.exists() and any(folder.iterdir()):
        raise BadSettings(
            "something is there that is no hidden states", where=str(folder), hint="move it away"
        )
    return False


def _finished(folder: Path) -> Features | None:
    if not (folder / ABOUT).exists():
        return None
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        places = tuple(Place(**place) for place in about.pop("places"))
        found = Features(folder, places=places, **about)
    except (ValueError, TypeError, KeyError) as error:
        raise BadData(f"is damaged: {error}", where=str(folder / ABOUT), hint="remove the folder") from None
    files = [folder / _file(place) for place in places]
    whole = all(file.is_file() and file.stat().st_size == found.texts * found.width * 4 for file in files)
    return found if whole else None


def _read(
    settings: ProbeReading,
    loaded: Loaded,
    texts: Sequence[str],
    names: Sequence[str],
    folder: Path,
    identity: str,
    progress: Progress,
) -> Features:
    anatomy = anatomy_of(loaded.model)
    places = places_named(settings.layers, len(anatomy.blocks))
    rows, cut = _tokens(loaded.tokenizer, texts, settings.max_tokens)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / IDENTITY) as temporary:
        temporary.write_text(identity, encoding="utf-8")
    batches = text_batches(rows, settings.batch_tokens, loaded.model.get_input_embeddings().weight.device)
    with Journal(folder / DONE, fingerprint(identity=identity, batches=batches)) as journal:
        start = len(journal)
        maps = [_map(folder / _file(place), len(rows), anatomy.width) for place in places]
        found = pooled_states(
            loaded.model, anatomy, rows, batches[start:], places, settings.pooling, lambda i: names[i]
        )
        done = sum(len(batch) for batch in batches[:start])
        progress.stage(f"reading {len(rows)} texts at {len(places)} places")
        with progress.task("texts", len(rows), done) as task:
            for batch, states in zip(batches[start:], found, strict=True):
                for target, part in zip(maps, states, strict=True):
                    target[batch] = part
                journal.append({"texts": len(batch)})
                task.advance(len(batch))
        for target in maps:
            target.flush()
    about: dict[str, Any] = {
        "texts": len(rows),
        "width": anatomy.width,
        "layers": len(anatomy.blocks),
        "cut": cut,
        "tokens": sum(map(len, rows)),
    }
    with atomic_file(folder / ABOUT) as temporary:
        listed = [{"layer": place.layer, "after_norm": place.after_norm} for place in places]
        temporary.write_text(json.dumps({"places": listed, **about}), encoding="utf-8")
    (folder / DONE).unlink()
    return Features(folder, places=tuple(places), **about)


def _tokens(tokenizer: Any, texts: Sequence[str], most: int) -> tuple[list[list[int]], int]:
    """Token ids as the model reads them, cut to ``most``; and how many texts were cut."""
    whole: list[list[int]] = tokenizer(list(texts), verbose=False).input_ids
    return [ids[:most] for ids in whole], sum(len(ids) > most for ids in whole)


def _map(path: Path, rows: int, width: int) -> Any:
    """A file of the right size that is written through memory; its room is taken now, not when it is full."""
    size = rows * width * 4
    with write_errors(path), path.open("a+b") as file:
        with suppress(AttributeError):
            os.posix_fallocate(file.fileno(), 0, size)
        file.truncate(size)
    return np.memmap(path, np.float32, "r+", shape=(rows, width))


def _file(place: Place) -> str:
    return f"{place.name}.f32"
