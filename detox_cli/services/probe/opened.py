"""A model whose neurons are looked at, and the direction in its stream that a probe reads."""

from dataclasses import dataclass
from typing import Any

from detox_cli.errors import BadData
from detox_cli.models.directions import Floats, orthonormal
from detox_cli.models.loading import Loaded, load_causal
from detox_cli.models.neurons.final_norm import in_stream
from detox_cli.models.neurons.listing import NeuronList
from detox_cli.models.neurons.proof import load_neurons
from detox_cli.models.neurons.ranking import random_directions
from detox_cli.models.neurons.values import ValueVectors
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.settings.probe import ProbeModel


@dataclass(frozen=True)
class Opened:
    """A model in memory with its value vectors."""

    loaded: Loaded
    vectors: ValueVectors

    @property
    def model(self) -> Any:
        """The model."""
        return self.loaded.model


def open_neurons(settings: ProbeModel, source: ModelSource) -> Opened:
    """Load a model, and try whether its coefficients and value vectors are what its MLPs compute.

    Raises:
        BadData: It has no MLPs of a known form.
        Missing: It cannot be had.
    """
    loaded = load_causal(source, settings.device, settings.dtype, settings.trust_remote_code)
    return Opened(loaded, load_neurons(loaded.model))


def seen_in_stream(opened: Opened, probe: LinearProbe, where: str) -> Floats:
    """The direction of length 1 that a probe reads in the residual stream, ``[d]``.

    A probe behind the final norm is followed back through it; one after a block is that direction already.

    Raises:
        BadData: The probe is of another width, or of a model with another number of layers.
    """
    anatomy = opened.vectors.neurons.anatomy
    probe.check_fits(anatomy.width, where=where)
    layers, site = len(anatomy.blocks), probe.site
    if site.layers not in (None, layers):
        raise BadData(
            f"the probe is of a model with {site.layers} layers, this one has {layers}",
            where=where,
            hint="train it on this model: detox probe train",
        )
    found = in_stream(opened.model, anatomy, probe.direction) if site.after_norm else probe.direction
    return orthonormal(found)[:, 0]


def of_other_weights(source: ModelSource, *found: LinearProbe | NeuronList | None) -> list[str]:
    """A sentence for each probe, and list of neurons, of other weights than those that are looked into."""
    return [told for one in found if one is not None and (told := _foreign(one, source))]


def warn_of_another_model(found: LinearProbe | NeuronList, source: ModelSource, progress: Progress) -> None:
    """Say so where a probe, or a list of neurons, is of other weights than those that are looked into."""
    for told in of_other_weights(source, found):
        progress.warn(told)


def _foreign(found: LinearProbe | NeuronList, source: ModelSource) -> str:
    if isinstance(found, LinearProbe):
        what, name, theirs = "the probe was trained on", found.site.model, found.site.fingerprint
    else:
        what, name, theirs = "the neurons were found in", found.name, found.model
    if not theirs or theirs == source.fingerprint:
        return ""
    return f"{what} {name or 'a model'}, whose weights are not those of {source.name}"


def random_like(opened: Opened, probe: LinearProbe, count: int, seed: int) -> Floats:
    """Directions by chance, ``[count, d]``, followed into the stream as the probe is."""
    anatomy = opened.vectors.neurons.anatomy
    drawn = random_directions(count, anatomy.width, seed)
    if probe.site.after_norm:
        drawn = in_stream(opened.model, anatomy, drawn)
    return drawn
