"""Data sets by Hub id, or in a folder that ``datasets`` wrote or can read."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.models.hub import hub_answers, without_hub

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(:[\w.-]+)?")
_SAVED = ("dataset_dict.json", "state.json")
_DATA_SUFFIXES = (".parquet", ".jsonl", ".json", ".csv", ".arrow")


def is_dataset(source: str) -> bool:
    """Whether ``source`` names a data set, not a file: a folder of data, or ``org/name`` on the Hub.

    A data set of several configurations is ``org/name:configuration``.
    """
    path = Path(source)
    if path.is_dir():
        inside = list(path.iterdir())
        return any(entry.name in _SAVED or entry.suffix in _DATA_SUFFIXES for entry in inside)
    return _HUB_ID.fullmatch(source) is not None and not path.exists() and not path.parent.is_dir()


def dataset_records(source: str, split: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield ``(where, values)`` for the rows of one split.

    Raises:
        Missing: The data set is not on this machine and the Hub cannot be reached or does not have it.
        BadSettings: There is no such split.
        BadData: The folder cannot be read.
    """
    for number, values in enumerate(_load(source, split), start=1):
        yield f"{source}[{split}]:row {number}", values


def _load(source: str, split: str) -> Any:
    # `datasets` takes a second to import; files do not need it.
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)  # it says each error twice before it raises it
    path = Path(source)
    try:
        if any((path / name).exists() for name in _SAVED):
            return _split_of(datasets.load_from_disk(source), source, split)
        name, _, configuration = (source, "", "") if path.is_dir() else source.partition(":")
        away = not path.is_dir() and not hub_answers(name, "README.md", kind="dataset")
        with without_hub() if away else nullcontext():
            return _split_of(datasets.load_dataset(name, configuration or None), source, split)
    except BadSettings:
        raise
    except Exception as error:  # the library raises a dozen kinds, from OSError to its own
        raise _unavailable(source, error) from error


def _split_of(loaded: Any, source: str, split: str) -> Any:
    """One split of what was loaded; a data set saved without splits is taken whole."""
    if not isinstance(loaded, dict):
        return loaded
    if split not in loaded:
        there = ", ".join(loaded)
        raise BadSettings(
            f"has no split {split!r}", where=source, hint=f"choose with --split one of: {there}"
        )
    return loaded[split]


def _unavailable(source: str, error: Exception) -> BadData | Missing:
    said = str(error.__cause__ or error).strip()  # what it raises itself says only that something went wrong
    reason = said.splitlines()[0] if said else type(error).__name__
    if Path(source).is_dir():
        return BadData(
            f"cannot be read as a data set: {reason}", where=source, hint="name one file in it instead"
        )
    return Missing(
        f"the data set {source!r} is not on this machine and cannot be fetched from the Hub: {reason}",
        hint="give a local file instead, or check its name, the network and your Hub login",
    )
