"""Lists of neurons: ``neurons.json``, and the published ones, which are pickled."""

import io
import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from detox_cli.data.json_text import parse_json
from detox_cli.errors import BadData
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.runs.atomic import atomic_file

FORMAT = "detox-neurons-1"
WANTED = "neurons.json of `probe vectors`, or a pickled list of (layer, neuron)"


@dataclass(frozen=True)
class NeuronList:
    """Chosen neurons of a model.

    Attributes:
        neurons: Layer and number within it, most important first.
        cosines: Of their value vectors with the probe; none where the list does not say.
        model: The fingerprint of the model that they were found in; empty where the list does not say.
        sizes: How many neurons every layer of that model has; none where the list does not say.
        name: What the user called that model; empty where the list does not say.
    """

    neurons: tuple[Neuron, ...]
    cosines: tuple[float, ...] = ()
    model: str = ""
    sizes: tuple[int, ...] = ()
    name: str = ""

    def check_fits(self, neurons: Neurons, where: str) -> None:
        """Raise ``BadData`` unless a model has these neurons; ``where`` is the list's name."""
        if self.sizes and self.sizes != neurons.sizes:
            raise BadData(
                f"is of a model with {len(self.sizes)} layers of {max(self.sizes)} neurons, this one has "
                f"{len(neurons.sizes)} of {max(neurons.sizes)}",
                where=where,
                hint="find the neurons of this model: detox probe vectors",
            )
        for neuron in self.neurons:
            try:
                neurons.place(neuron)
            except BadData as error:
                raise BadData(str(error), where=where, hint=error.hint) from None


def write_neurons(path: Path, listed: NeuronList) -> None:
    """Write a list; the same one gives the same bytes.

    Raises:
        DetoxError: It cannot be written.
    """
    rows: list[dict[str, Any]] = [{"layer": layer, "neuron": number} for layer, number in listed.neurons]
    for row, cosine in zip(rows, listed.cosines, strict=False):
        row["cosine"] = cosine
    about = {"format": FORMAT, "name": listed.name, "model": listed.model}
    whole = {**about, "sizes": list(listed.sizes), "neurons": rows}
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def read_neurons(path: Path) -> NeuronList:
    """Read a list: ``neurons.json``, a folder that holds one, or a pickled list of pairs of numbers.

    Of a pickle nothing but lists, tuples and numbers is read; nothing in it is run.

    Raises:
        BadData: There is no such file, it is something else, or it names no neuron or one twice.
    """
    path = neurons_file(path)
    if not path.is_file():
        raise BadData("there is no such list of neurons", where=str(path), hint=f"wanted is {WANTED}")
    content = path.read_bytes()
    try:
        listed = _from_json(content) if content.lstrip()[:1] == b"{" else _from_pickle(content)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        EOFError,
        pickle.PickleError,
        RecursionError,
        OverflowError,  # what a pickle says of its own sizes
        MemoryError,
    ) as error:
        raise BadData(
            f"is no list of neurons: {error}", where=str(path), hint=f"wanted is {WANTED}"
        ) from error
    if not listed.neurons:
        raise BadData("names no neuron", where=str(path), hint="make it again: detox probe vectors")
    if len(set(listed.neurons)) < len(listed.neurons):
        twice = next(n for n in listed.neurons if listed.neurons.count(n) > 1)
        raise BadData(f"names neuron {twice} twice", where=str(path), hint="name each once")
    return listed


def neurons_file(path: Path) -> Path:
    """The file of a list that is named by its file or its folder."""
    return path / "neurons.json" if path.is_dir() else path


def _from_json(content: bytes) -> NeuronList:
    whole = parse_json(content)
    if whole.get("format") != FORMAT:
        raise ValueError(f"its format is {whole.get('format')}, not {FORMAT}")
    rows = whole["neurons"]
    cosines = tuple(float(row["cosine"]) for row in rows if "cosine" in row)
    pairs = _pairs([(row["layer"], row["neuron"]) for row in rows])
    return NeuronList(
        pairs,
        cosines if len(cosines) == len(rows) else (),
        str(whole["model"]),
        tuple(map(int, whole["sizes"])),
        str(whole.get("name", "")),
    )


def _from_pickle(content: bytes) -> NeuronList:
    found = _OnlyNumbers(io.BytesIO(content)).load()
    if not isinstance(found, list | tuple):
        raise ValueError(f"it holds a {type(found).__name__}")
    return NeuronList(_pairs(found))


def _pairs(rows: Sequence[Any]) -> tuple[Neuron, ...]:
    for row in rows:
        whole = [isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in row]
        if len(row) != 2 or not all(whole):
            raise ValueError(f"{row!r} is no layer and neuron")
    return tuple((int(layer), int(number)) for layer, number in rows)


class _OnlyNumbers(pickle.Unpickler):
    """Refuses everything that a pickle could call."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, and nothing but numbers is read")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it asks for something outside of it")
