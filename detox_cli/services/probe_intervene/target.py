"""What is changed, and the contexts that change it: chosen neurons or a direction, and random ones alike."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from detox_cli.errors import BadSettings
from detox_cli.models.directions import Floats
from detox_cli.models.loading import Loaded
from detox_cli.models.neurons.changing import changing
from detox_cli.models.neurons.listing import NeuronList, read_neurons
from detox_cli.models.neurons.parts import Neuron
from detox_cli.models.neurons.values import ValueVectors
from detox_cli.models.positions import Positions
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.models.steering import steering
from detox_cli.services.probe.opened import Opened, random_like, seen_in_stream
from detox_cli.services.probe_intervene.matched import matched_neurons, usual_coefficients
from detox_cli.services.probe_intervene.ops import change_of
from detox_cli.settings.probe_intervene import ProbeInterveneSettings


class Target(Protocol):
    """Something that can be changed by a dose."""

    def changed(self, dose: float, positions: Positions) -> AbstractContextManager[None]:
        """A context in which it is changed."""

    def random(self, number: int) -> "Target":
        """Something as large that was drawn by chance."""


def neurons_named(given: str) -> NeuronList:
    """The neurons of a file, or of words such as ``3:120,5:7``.

    Raises:
        BadData: The file is no list of neurons.
        BadSettings: The words name none.
    """
    if given.strip() and Path(given).exists():
        return read_neurons(Path(given))
    pairs = [word.strip().partition(":") for word in given.split(",") if word.strip()]
    if not pairs or not all(layer.isdigit() and number.isdigit() for layer, _, number in pairs):
        hint = "write LAYER:NEURON,..., or name neurons.json of detox probe vectors"
        raise BadSettings("neither a file nor numbers of neurons", where=f"--neurons {given}", hint=hint)
    found = tuple((int(layer), int(number)) for layer, _, number in pairs)
    if len(set(found)) < len(found):
        raise BadSettings("names a neuron twice", where=f"--neurons {given}", hint="name each once")
    return NeuronList(found)


@dataclass(frozen=True)
class ChosenNeurons:
    """Neurons and the operation on their coefficients.

    Attributes:
        settings: Operation and seed.
        loaded: The model.
        vectors: Its value vectors.
        neurons: Which.
        usual: Their usual coefficients, where the operation asks for them.
        text: Where usual coefficients are from.
    """

    settings: ProbeInterveneSettings
    loaded: Loaded
    vectors: ValueVectors
    neurons: tuple[Neuron, ...]
    usual: tuple[float, ...]
    text: str

    @classmethod
    def of(
        cls,
        settings: ProbeInterveneSettings,
        loaded: Loaded,
        vectors: ValueVectors,
        neurons: Sequence[Neuron],
        text: str,
    ) -> "ChosenNeurons":
        """With their usual coefficients, if these are needed."""
        usual = [0.0] * len(neurons)
        if settings.op == "mean":
            usual = usual_coefficients(loaded.model, loaded.tokenizer, vectors, neurons, text)
        return cls(settings, loaded, vectors, tuple(neurons), tuple(usual), text)

    def changed(self, dose: float, positions: Positions) -> AbstractContextManager[None]:
        """A context in which their coefficients are changed."""
        change = change_of(self.settings.op, dose, self.usual)
        return changing(self.loaded.model, self.vectors.neurons, self.neurons, change, positions)

    def random(self, number: int) -> "ChosenNeurons":
        """Neurons of the same layers with vectors about as long."""
        drawn = matched_neurons(self.vectors, self.neurons, self.settings.seed + number)
        return ChosenNeurons.of(self.settings, self.loaded, self.vectors, drawn, self.text)


@dataclass(frozen=True)
class ChosenDirection:
    """A direction of length 1 in the stream, and after which blocks it is changed."""

    settings: ProbeInterveneSettings
    opened: Opened
    probe: LinearProbe
    unit: Floats
    layers: tuple[int, ...]

    @classmethod
    def of(
        cls, settings: ProbeInterveneSettings, opened: Opened, probe: LinearProbe, where: str
    ) -> "ChosenDirection":
        """What a probe reads, where it reads it or where the settings say.

        Raises:
            BadData: The probe is of another model.
            BadSettings: There is no such layer.
        """
        unit = seen_in_stream(opened, probe, where)
        count = len(opened.vectors.neurons.anatomy.blocks)
        last = count - 1 if probe.site.layer is None else probe.site.layer
        names = settings.layers or (str(max(0, last)),)
        known = [str(layer) for layer in range(count)]
        if wrong := [name for name in names if name not in (*known, "all")]:
            hint = f"write all, or numbers from 0 to {count - 1}"
            raise BadSettings(f"the model has no layer {wrong[0]!r}", where="--layers", hint=hint)
        layers = range(count) if "all" in names else sorted({int(name) for name in names})
        return cls(settings, opened, probe, unit, tuple(layers))

    def changed(self, dose: float, positions: Positions) -> AbstractContextManager[None]:
        """A context in which the stream is changed along it."""
        model: Any = self.opened.model
        how = self.settings.op
        if how not in ("add", "project-out"):
            raise ValueError(f"a direction cannot be changed by {how}")  # the settings refuse it before
        anatomy = self.opened.vectors.neurons.anatomy
        return steering(model, anatomy, self.layers, self.unit, how, dose, positions)

    def random(self, number: int) -> "ChosenDirection":
        """A direction of length 1 by chance, followed into the stream as the probe is."""
        drawn = random_like(self.opened, self.probe, 1, self.settings.seed + 1000 + number)[0]
        unit = drawn / float((drawn**2).sum()) ** 0.5
        return ChosenDirection(self.settings, self.opened, self.probe, unit, self.layers)
