"""Where a model's neurons are: down-projections, numbered within their layer."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from detox_cli.errors import BadData
from detox_cli.models.anatomy.parts import Anatomy, ValueMatrix

OTHER = "name neurons that were found in this model: detox probe vectors"
Neuron = tuple[int, int]
"""Layer and number within the layer, both from 0, as in the published lists."""


@dataclass(frozen=True)
class Part:
    """Some neurons of a layer that share one matrix of value vectors ``[size, d]``.

    Attributes:
        layer: The index of the block.
        first: The number of the first of them within the layer.
        size: How many there are.
        expert: Which expert of a tensor that holds several, else ``None``.
        matrix: The tensors that it is made of.
    """

    layer: int
    first: int
    size: int
    expert: int | None
    matrix: ValueMatrix

    @property
    def path(self) -> str:
        """The module that multiplies: a down-projection, or the experts as a whole."""
        return self.matrix.values.name.rpartition(".")[0]

    @property
    def leaf(self) -> str:
        """What the module calls the weight."""
        return self.matrix.values.name.rpartition(".")[2]

    @property
    def gated(self) -> bool:
        """Whether the coefficient is a product of a gate and a linear key."""
        return self.matrix.gate is not None

    @property
    def label(self) -> str:
        """For eyes, what it is within its layer."""
        return self.matrix.values.kind if self.expert is None else f"expert {self.expert}"


@dataclass(frozen=True)
class Neurons:
    """All neurons of a model; those of one layer are numbered through its MLP, experts and shared expert.

    Attributes:
        anatomy: Of the model.
        parts: In the order of layers and of numbers.
    """

    anatomy: Anatomy
    parts: tuple[Part, ...]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many neurons each layer has; 0 for one without an MLP."""
        return tuple(sum(p.size for p in self.parts if p.layer == b.index) for b in self.anatomy.blocks)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """How many neurons lie before each layer, and at the end how many there are."""
        found = [0]
        for size in self.sizes:
            found.append(found[-1] + size)
        return tuple(found)

    @property
    def total(self) -> int:
        """How many neurons there are."""
        return self.starts[-1]

    @property
    def gated(self) -> bool:
        """Whether any coefficient is a product of a gate and a linear key."""
        return any(part.gated for part in self.parts)

    def place(self, neuron: Neuron) -> int:
        """Its number among all neurons.

        Raises:
            BadData: The model has no such neuron.
        """
        layer, number = neuron
        if not 0 <= layer < len(self.sizes):
            raise BadData(f"the model has layers 0 to {len(self.sizes) - 1}, not {layer}", hint=OTHER)
        if not 0 <= number < self.sizes[layer]:
            raise BadData(
                f"layer {layer} has {self.sizes[layer]} neurons, none is number {number}",
                hint=OTHER,
            )
        return self.starts[layer] + number

    def at(self, place: int) -> Neuron:
        """The neuron of a number among all."""
        layer = bisect_right(self.starts, place) - 1
        return layer, place - self.starts[layer]

    def part_of(self, neuron: Neuron) -> Part:
        """The part that holds a neuron.

        Raises:
            BadData: The model has no such neuron.
        """
        self.place(neuron)
        layer, number = neuron
        return next(p for p in self.parts if p.layer == layer and p.first <= number < p.first + p.size)


def neurons_of(anatomy: Anatomy) -> Neurons:
    """The neurons of a model by its anatomy.

    Raises:
        BadData: No layer has an MLP of a known form, or an expert has a tensor of its own, as files have it.
    """
    parts: list[Part] = []
    for block in anatomy.blocks:
        first = 0
        for matrix in block.values:
            for part in _parts(block.index, first, matrix):
                parts.append(part)
                first += part.size
    if not parts:
        raise BadData(
            f"no layer of this {anatomy.family} has an MLP of a known form, so it has no value vectors",
            hint="name a model with MLPs, of a family that is known without --targets",
        )
    return Neurons(anatomy, tuple(parts))


def _parts(layer: int, first: int, matrix: ValueMatrix) -> list[Part]:
    writer = matrix.values
    if writer.expert is not None:
        raise BadData(
            f"{writer.name} is an expert of its own, which no loaded model should have",
            hint="name another model",
        )
    size = writer.shape[-1] if writer.axis == -2 else writer.shape[-2]
    if len(writer.shape) == 2:
        return [Part(layer, first, size, None, matrix)]
    return [Part(layer, first + e * size, size, e, matrix) for e in range(writer.shape[0])]
