"""Weights put into a model that is loaded, and taken back to the bit: candidates that are never written."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from detox_cli.errors import BadData
from detox_cli.models.checkpoint.numbers import decode
from detox_cli.models.merging.block import Numbers, matrix_shape
from detox_cli.models.merging.rounding import Round
from detox_cli.models.merging.sources import Weights
from detox_cli.models.merging.tensor import Job, Stripe, survey
from detox_cli.models.merging.write import stored_block

HINT = "give one --scale, which needs no model in memory"


class InMemory:
    """The parameters of a loaded model beside the files that they were loaded from.

    Taking back reads those files again: no copy of the model is kept, and nothing is added and subtracted.
    That this gives the loaded bits is looked at once, at the start, for every tensor.

    Args:
        model: Of transformers, loaded from ``base``.
        base: The same model's files.
        threads: How many read and count.

    Raises:
        BadData: A parameter is in no file, or not as the file has it.
    """

    def __init__(self, model: Any, base: Weights, threads: int) -> None:
        self._base, self._threads = base, threads
        self._places = _places(model, base)
        for name, parameter in self._places.items():
            if not torch.equal(parameter.data, self._as_in(parameter, self._stored(name))):
                raise BadData(f"{name} is not in memory as it is stored", where=base.name, hint=HINT)

    @contextmanager
    def applied(self, jobs: Mapping[str, Job], types: Mapping[str, str], rounding: Round) -> Iterator[None]:
        """The model with other weights, rounded as they would be written, while the context lasts.

        Raises:
            BadData: Numbers are not finite, or a file is cut off.
        """
        try:
            for name, parameter in self._places.items():
                merged = self._merged(jobs[name], types[name], rounding)
                parameter.data.copy_(self._as_in(parameter, merged))
            yield
        finally:
            self.take_back()

    def take_back(self) -> None:
        """Every parameter as it was loaded."""
        for name, parameter in self._places.items():
            parameter.data.copy_(self._as_in(parameter, self._stored(name)))

    def _stored(self, name: str) -> Numbers:
        rows, _ = matrix_shape(self._base.shapes[name])
        return self._base.rows(name, 0, rows)

    def _merged(self, job: Job, dtype: str, rounding: Round) -> Numbers:
        found = survey(job, map)

        def stripe(places: Stripe) -> list[Numbers]:
            blocks = (stored_block(job, number, rows, found, dtype, rounding) for number, rows in places)
            return [decode(numbers, dtype) for numbers in blocks]

        with ThreadPoolExecutor(self._threads) as pool:
            return np.concatenate([part for parts in pool.map(stripe, job.stripes) for part in parts])

    @staticmethod
    def _as_in(parameter: torch.Tensor, numbers: Numbers) -> torch.Tensor:
        shaped = torch.from_numpy(np.ascontiguousarray(numbers)).reshape(parameter.shape)
        return shaped.to(device=parameter.device, dtype=parameter.dtype)


def _places(model: Any, base: Weights) -> dict[str, torch.Tensor]:
    """The parameter that each stored tensor became; of two that became one, the first.

    Tensors that the model has no use for are left out, as loading did.
    """
    known = model.state_dict(keep_vars=True)
    prefix = f"{model.base_model_prefix}."
    places: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name in base.shapes:
        also = (name, prefix + name, name.removeprefix(prefix))
        parameter = next((known[one] for one in also if one in known), None)
        if parameter is not None and id(parameter) not in seen:
            places[name] = parameter
            seen.add(id(parameter))
    for name, parameter in model.named_parameters():
        if id(parameter) not in seen:
            raise BadData(f"{name} of the loaded model is in no file", where=base.name, hint=HINT)
    return places
