"""Reading what was written: statistics of each language and half, and weighted sums of each text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.moments import KINDS, Kind, Moments, Streaming
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.models.neurons.reading import Sink, Written, read_written
from detox_cli.models.neurons.sums import ChosenSums, WeightedSums
from detox_cli.output.progress import Progress
from detox_cli.services.probe.means import PerText
from detox_cli.services.probe.steps import Steps, Tensors, state_of, stream_from
from detox_cli.services.probe_activations.halves import Half


@dataclass(frozen=True)
class Told:
    """A prompt's id, language and half, and what it has in common with its translations."""

    id: str
    lang: str
    half: Half
    unit: str


@dataclass(frozen=True)
class Read:
    """What one model did on one set of texts.

    Attributes:
        streams: Statistics by language and kind, of one half.
        sums: Of every text that was read, by the id of its prompt: one number for each weighting.
        listed: The sums of single neurons over the tokens of every text that was read.
    """

    streams: dict[str, dict[Kind, Streaming]]
    sums: dict[str, Floats]
    listed: PerText

    def moments(self, kind: Kind = "product") -> Moments:
        """Over all languages, each token counting the same."""
        return joined([streams[kind] for streams in self.streams.values()]).moments()


def joined(streams: Sequence[Streaming]) -> Streaming:
    """The statistics of several sets of tokens together."""
    whole = Streaming(streams[0].neurons, streams[0].kind)
    for stream in streams:
        whole.merge(stream)
    return whole


@dataclass(frozen=True)
class Reader:
    """One model, and how it is read."""

    name: str
    model: Any
    neurons: Neurons
    steps: Steps
    batch_tokens: int
    gates: bool
    progress: Progress

    def read(
        self,
        tokens: str,
        told: Sequence[Told],
        texts: Sequence[Written],
        half: Half,
        weights: Floats | None = None,
        listed: Sequence[Neuron] = (),
    ) -> Read:
        """Read the texts of one half, language by language.

        Args:
            tokens: Whose texts they are, for the names of steps.
            told: Whose prompt each text follows.
            texts: All of them, of both halves.
            half: Which ones are read.
            weights: Weightings of all neurons, ``[K, N]``, whose sums are wanted of every text.
            listed: Neurons whose own sums are wanted of every text.
        """
        streams: dict[str, dict[Kind, Streaming]] = {}
        sums: dict[str, Floats] = {}
        single: list[Floats] = []
        order: list[int] = []
        chosen = [i for i, one in enumerate(told) if one.half == half]
        label = f"{self.name} reads what {tokens} wrote ({half})"
        with self.progress.task(label, len(chosen)) as task:
            for lang in dict.fromkeys(told[i].lang for i in chosen):
                mine = [i for i in chosen if told[i].lang == lang]
                name = f"{self.name}-{tokens}-{half}-{lang}"
                found = self.steps.tensors(
                    name, partial(self._pass, [texts[i] for i in mine], weights, listed)
                )
                streams[lang] = {
                    kind: stream_from(self.neurons, kind, _below(found, kind)) for kind in self._kinds()
                }
                if weights is not None:
                    sums |= {told[i].id: row for i, row in zip(mine, found["sums"].numpy(), strict=True)}
                single.append(found["listed"].numpy())
                order += mine
                task.advance(len(mine))
        counts = np.array([texts[i].count for i in order], dtype=np.float64)
        return Read(streams, sums, PerText(np.concatenate(single), counts, [told[i].unit for i in order]))

    def _kinds(self) -> tuple[Kind, ...]:
        return KINDS if self.gates else KINDS[:1]

    def _pass(self, texts: Sequence[Written], weights: Floats | None, listed: Sequence[Neuron]) -> Tensors:
        streams = {kind: Streaming(self.neurons, kind) for kind in self._kinds()}
        sums = None if weights is None else WeightedSums(self.neurons, weights, len(texts))
        single = ChosenSums(self.neurons, listed, len(texts))
        sinks: list[Sink] = [*streams.values(), single, *([sums] if sums is not None else [])]
        read_written(self.model, self.neurons, texts, sinks, self.batch_tokens, self.gates)
        found = {
            f"{kind}.{name}": value
            for kind, stream in streams.items()
            for name, value in state_of(stream).items()
        }
        found["listed"] = single.sums
        if sums is not None:
            rows = sums.per_text([text.count for text in texts])
            found["sums"] = torch.from_numpy(np.ascontiguousarray(rows))
        return found


def _below(tensors: Tensors, kind: Kind) -> Tensors:
    return {
        name.removeprefix(f"{kind}."): value for name, value in tensors.items() if name.startswith(f"{kind}.")
    }
