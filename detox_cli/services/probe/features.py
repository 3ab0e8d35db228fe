"""Pooled hidden states of many texts in a folder: read once, at all places in one pass, which can go on."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.activations.pooled import Place, places_named, pooled_states, text_batches
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.loading import Loaded, load_causal
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_file
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.probe.states import Floats32, Kept, States
from detox_cli.settings.probe import ProbeReading

IDENTITY, ABOUT, DONE = "identity", "features.json", "reading.journal"
SAMPLE = 128
"""Texts by which it is chosen how the states of each dimension are written."""
DECISIVE = {"layers", "pooling", "max_tokens", "dtype", "features_dtype"}
Step = list[list[int]]
"""Batches that are written together."""


@dataclass(frozen=True)
class Features:
    """What was read.

    Attributes:
        folder: Where it lies: a file ``[texts, d]`` for each place.
        texts: How many.
        width: The size d of the hidden states.
        layers: How many blocks the model has.
        places: Where the model was read.
        cut: How many texts were longer than the limit.
        tokens: How many tokens were read of all texts.
        kept: In how many bytes.
    """

    folder: Path
    texts: int
    width: int
    layers: int
    places: tuple[Place, ...]
    cut: int
    tokens: int
    kept: Kept

    def at(self, place: Place) -> States:
        """The states at a place, ``[texts, d]``, mapped from the disk."""
        return States(self.folder / f"{place.name}.states", self.texts, self.width, self.kept)


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
        reading=settings.model_dump(include=DECISIVE),
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
    files = [found.at(place) for place in places]
    whole = all(file.path.is_file() and file.path.stat().st_size == file.size for file in files)
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
    about = Features(
        folder,
        len(rows),
        anatomy.width,
        len(anatomy.blocks),
        tuple(places),
        cut,
        sum(map(len, rows)),
        settings.features_dtype,
    )
    steps = _steps(rows, settings.batch_tokens, loaded.model.get_input_embeddings().weight.device)
    with Journal(folder / DONE, fingerprint(identity=identity, steps=steps)) as journal:
        left = steps[len(journal) :]
        files = [about.at(place) for place in places]
        for file in files:
            file.make()
        flat = [batch for step in left for batch in step]
        found = pooled_states(loaded.model, anatomy, rows, flat, places, settings.pooling, lambda i: names[i])
        done = len(rows) - sum(map(len, flat))
        progress.stage(f"reading {len(rows)} texts at {len(places)} places")
        with progress.task("texts", len(rows), done) as task:
            for step in left:
                _write(files, step, list(islice(found, len(step))), first=step is steps[0])
                count = sum(map(len, step))
                journal.append({"texts": count})
                task.advance(count)
        for file in files:
            file.flush()
    with atomic_file(folder / ABOUT) as temporary:
        temporary.write_text(json.dumps(_told(about)), encoding="utf-8")
    (folder / DONE).unlink()
    return about


def _steps(rows: Sequence[Sequence[int]], batch_tokens: int, device: torch.device) -> list[Step]:
    """What is written at a time: a sample over all lengths, by which the files begin, then each batch."""
    order = sorted(range(len(rows)), key=lambda i: (-len(rows[i]), i))
    sample = order[:: max(1, -(-len(order) // SAMPLE))]
    rest = sorted(set(order) - set(sample))

    def batches(part: list[int]) -> list[list[int]]:
        found = text_batches([rows[i] for i in part], batch_tokens, device)
        return [[part[i] for i in batch] for batch in found]

    return [batches(sample), *([batch] for batch in batches(rest))]


def _write(files: Sequence[States], step: Step, found: Sequence[Floats32], first: bool) -> None:
    """Put the states of a step, ``[places, texts, d]`` for each of its batches, into the files."""
    if first:
        for file, states in zip(files, np.concatenate(found, axis=1), strict=True):
            file.begin(states)
    for batch, places in zip(step, found, strict=True):
        for file, states in zip(files, places, strict=True):
            file.write(batch, states)


def _told(features: Features) -> dict[str, Any]:
    """What ``features.json`` says."""
    told = {name: value for name, value in vars(features).items() if name != "folder"}
    places = [{"layer": place.layer, "after_norm": place.after_norm} for place in features.places]
    return {**told, "places": places}


def _tokens(tokenizer: Any, texts: Sequence[str], most: int) -> tuple[list[list[int]], int]:
    """Token ids as the model reads them, cut to ``most``; and how many texts were cut."""
    whole: list[list[int]] = tokenizer(list(texts), verbose=False).input_ids
    return [ids[:most] for ids in whole], sum(len(ids) > most for ids in whole)
