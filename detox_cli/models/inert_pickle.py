"""Old checkpoints that hold objects beside their weights: the weights are read, the objects stay lifeless."""

import pickle
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import torch

_REBUILDS = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
}


class Lifeless:
    """What stands where an object was: it takes what it is given, and does nothing."""

    def __new__(cls, *_args: object, **_named: object) -> Self:
        """Ignore what the object would have been made of."""
        return super().__new__(cls)

    def __init__(self, *_args: object, **_named: object) -> None: ...

    def __setstate__(self, _state: object) -> None: ...

    def __call__(self, *_args: object, **_named: object) -> Self:
        """Stay as it is."""
        return self

    def __setitem__(self, _key: object, _value: object) -> None: ...

    def append(self, _value: object) -> None:
        """Take nothing in."""

    def extend(self, _values: object) -> None:
        """Take nothing in."""


class _Reader(pickle.Unpickler):
    """Builds plain values and tensors; whatever else is named is not even looked up."""

    def find_class(self, module: str, name: str) -> Any:
        if (found := _REBUILDS.get((module, name))) is not None:
            return found
        if module in ("torch", "torch.storage") and name.endswith("Storage"):
            return getattr(torch, name, None) or getattr(torch.storage, name)
        return Lifeless


def load_lifeless(path: Path) -> Any:
    """The content of a file that ``torch.save`` wrote, with `Lifeless` in place of every object of a class.

    No name in the file is imported and nothing is called but what rebuilds tensors, so code that a file
    brings does not run, as with ``weights_only=True``; unlike there, a file with such things can be read.

    Raises:
        Exception: Of any kind: the file is damaged.
    """
    reader = SimpleNamespace(
        Unpickler=_Reader,
        load=lambda file, **named: _Reader(file, **named).load(),
        UnpicklingError=pickle.UnpicklingError,
        __name__="inert_pickle",
    )
    return torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)
