"""From what was read to the result, and the files beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.groups import GROUPS
from detox_cli.models.neurons.listing import NeuronList, write_neurons
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.services.probe.opened import Opened, of_other_weights, random_like
from detox_cli.services.probe_activations.compared import Followed
from detox_cli.services.probe_activations.controls import direction_controls, set_controls
from detox_cli.services.probe_activations.figures import Drawing, group_rows, language_rows, layer_rows
from detox_cli.services.probe_activations.lens_result import LensResult
from detox_cli.services.probe_activations.opening import Along, Given, Texts
from detox_cli.services.probe_activations.passes import Read
from detox_cli.services.probe_activations.result import (
    Control,
    GroupRow,
    LanguageRow,
    LayerRow,
    ProbeActivationsResult,
)
from detox_cli.services.probe_activations.tables import Known, neuron_rows, write_statistics
from detox_cli.settings.probe_activations import ProbeActivationsSettings


@dataclass(frozen=True)
class Chosen:
    """What the choosing half has decided.

    Attributes:
        followed: The neurons whose means are told.
        listed: Those of which a row is told each; the followed ones come first.
        groups: Of every neuron, ``[N]``, where there is a probe and a second model.
        weights: Weightings of all neurons whose sums are wanted of every text, ``[K, N]``.
        column: Which of them is that of the followed ones.
    """

    followed: Followed
    listed: list[Neuron]
    groups: NDArray[np.int64] | None
    weights: Floats | None
    column: int


@dataclass(frozen=True)
class Outcome:
    """What was read, and the figures that follow from it.

    Attributes:
        settings: Of the run.
        given: What they name.
        base: The model.
        along: Its value vectors beside the probe.
        texts: What was read.
        chosen: On the choosing half.
        choosing: What both models did on that.
        reads: What they did on the testing half: ``before``, ``same`` and ``own``.
    """

    settings: ProbeActivationsSettings
    given: Given
    base: Opened
    along: Along | None
    texts: Texts
    chosen: Chosen
    choosing: dict[str, Read]
    reads: dict[str, Read]

    def result(self, rejected: int, lens: LensResult | None) -> ProbeActivationsResult:
        """All figures; ``rejected`` is how many prompts could not be used, ``lens`` what that shows."""
        settings, texts, own = self.settings, self.texts, self.chosen.followed
        return ProbeActivationsResult(
            model=settings.model,
            tuned=settings.tuned,
            probe=str(settings.probe) if settings.probe else None,
            neurons=self._neurons.total,
            prompts=len(texts.told),
            testing=sum(one.half == "testing" for one in texts.told),
            tokens=sum(text.count for text in texts.base),
            tuned_tokens=None if texts.tuned is None else sum(text.count for text in texts.tuned),
            rejected=rejected,
            followed=len(own.neurons),
            chosen_by=own.how,
            languages=self._languages(),
            controls=self._controls(),
            groups=self._groups(),
            layers=self._layers(),
            listed=neuron_rows(self._neurons, self.chosen.listed, self._known(), self.reads, self._draw),
            lens=lens,
            notes=of_other_weights(self.given.source, self.given.probe, self.given.neurons),
        )

    def write(self, folder: Path) -> None:
        """Statistics of all neurons, and lists of those that are followed and of those of each group."""
        write_statistics(folder / "statistics.safetensors", self.reads)
        if own := self.chosen.followed.neurons:
            write_neurons(folder / "neurons.json", self._list(own))
        if self.chosen.groups is not None and self.along is not None:
            for number, name in enumerate(GROUPS):
                places = np.flatnonzero(self.chosen.groups == number)
                if len(places):
                    own = [self._neurons.at(int(place)) for place in places]
                    listed = self._list(own, self.along.ranked.cosines[places].tolist())
                    write_neurons(folder / "groups" / f"{name}.json", listed)

    def _list(self, neurons: Sequence[Neuron], cosines: Sequence[float] = ()) -> NeuronList:
        source = self.given.source
        sizes = self._neurons.sizes
        return NeuronList(tuple(neurons), tuple(cosines), source.fingerprint, sizes, source.name)

    @property
    def _neurons(self) -> Neurons:
        return self.base.vectors.neurons

    @property
    def _draw(self) -> Drawing:
        return Drawing(self.settings.seed, self.settings.resamples)

    @cached_property
    def _means(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Mean coefficients of all neurons, of the choosing and of the testing half."""
        halves = (self.choosing, self.reads)
        choosing, tested = ({name: read.moments().mean for name, read in half.items()} for half in halves)
        return choosing, tested

    def _known(self) -> Known:
        count = len(self.chosen.followed.neurons)
        if self.along is None:
            return Known(count)
        return Known(count, self.along.ranked.cosines, self.along.products, self.chosen.groups)

    def _languages(self) -> list[LanguageRow]:
        if not self.chosen.followed.neurons:
            return []
        sums = {name: read.sums for name, read in self.reads.items()}
        others = sums.get("same"), sums.get("own")
        return language_rows(self.texts.told, self.chosen.column, sums["before"], *others, self._draw)

    def _groups(self) -> list[GroupRow]:
        if self.chosen.groups is None:
            return []
        before, same = (self.reads[name].sums for name in ("before", "same"))
        return group_rows(self.texts.told, self.chosen.groups, before, same, self._draw)

    def _layers(self) -> list[LayerRow]:
        if self.chosen.groups is None or self.along is None:
            return []
        tested = self._means[1]
        change = tested["same"] - tested["before"]
        return layer_rows(self._neurons, self.along.products, change, self.chosen.groups)

    def _controls(self) -> list[Control]:
        settings, own = self.settings, self.chosen.followed
        choosing, tested = self._means
        found: list[Control] = []
        if not settings.random:
            return found
        if own.neurons:
            values = {"mean coefficient": tested["before"]}
            if "same" in tested:
                values["change on the same tokens"] = tested["same"] - tested["before"]
            before, draws = choosing["before"], (settings.random, settings.seed)
            found += set_controls(self._neurons, own.neurons, own.signs, before, values, *draws)
        if self.along is not None and self.given.probe is not None and "same" in choosing:
            random = random_like(self.base, self.given.probe, settings.random, settings.seed)
            pairs = [(means["before"], means["same"]) for means in self._means]
            found += direction_controls(self.base.vectors, self.along.products, random, *pairs)
        return found
