"""From cosines, activations and words to the rows of the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from detox_cli.models.directions import Floats
from detox_cli.models.neurons.moments import Kind, Moments
from detox_cli.models.neurons.parts import Neuron
from detox_cli.models.neurons.ranking import Ranked, components, stacked
from detox_cli.models.neurons.values import ValueVectors
from detox_cli.models.neurons.vocabulary import Said, said
from detox_cli.services.probe_vectors.result import ComponentRow, LayerRow, VectorRow
from detox_cli.statistics.bootstrap import Estimate


@dataclass(frozen=True)
class Read:
    """What neurons did while the model wrote.

    Attributes:
        prompts: How many were continued; 0 where none were.
        tokens: How many tokens were written.
        moments: Statistics of all neurons.
        means: Mean coefficients of those that are listed, with intervals over prompts.
    """

    prompts: int = 0
    tokens: int = 0
    moments: Mapping[Kind, Moments] = field(default_factory=dict)
    means: Mapping[Neuron, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class Speech:
    """A model and its words."""

    model: Any
    tokenizer: Any
    words: int

    def say(self, vectors: ValueVectors, rows: Floats) -> list[Said]:
        """The tokens that vectors of the stream raise and lower."""
        if not len(rows):
            return []
        return said(self.model, vectors.neurons.anatomy, self.tokenizer, rows, self.words)

    def say_of(self, vectors: ValueVectors, chosen: Sequence[Neuron]) -> list[Said]:
        """The tokens that neurons raise and lower."""
        return self.say(vectors, stacked(vectors, list(chosen))) if chosen else []


def vector_rows(
    side: str, chosen: Sequence[Neuron], ranked: Ranked, words: Sequence[Said], read: Read
) -> list[VectorRow]:
    """Everything about some neurons and what they say, in their order."""
    rows = []
    for rank, (neuron, one) in enumerate(zip(chosen, words, strict=True), start=1):
        place, part = ranked.neurons.place(neuron), ranked.neurons.part_of(neuron)
        cosine = float(ranked.cosines[place])
        means = {kind: float(moments.mean[place]) for kind, moments in read.moments.items()}
        activation = read.means.get(neuron)
        rows.append(
            VectorRow(
                side=side,
                rank=rank,
                layer=neuron[0],
                neuron=neuron[1],
                part=part.label,
                cosine=cosine,
                z=float(ranked.z[place]),
                chance=ranked.chance(cosine),
                length=float(ranked.lengths[place]),
                activation=activation,
                active=float(read.moments["product"].positive[place]) if read.prompts else None,
                gate=means.get("gate") if part.gated else None,
                up=means.get("up") if part.gated else None,
                promotes=None if activation is None else int(np.sign(activation.mean * cosine)),
                raised=[word.text for word in one.raised],
                lowered=[word.text for word in one.lowered],
                scripts=sorted({word.script for word in one.raised} - {"none"}),
                entropy=one.entropy,
            )
        )
    return rows


def component_rows(
    count: int, of: int, ranked: Ranked, vectors: ValueVectors, direction: Floats, speech: Speech
) -> tuple[list[ComponentRow], Floats, list[Said]]:
    """Singular vectors of the ``of`` nearest value vectors, as rows and ``[count, d]``; and what they say."""
    found, values = components(stacked(vectors, ranked.top(of)))
    found = found[:count]
    shares = np.square(values) / np.square(values).sum()
    words = speech.say(vectors, found)
    rows = [
        ComponentRow(
            component=number,
            share=float(shares[number]),
            cosine=float(found[number] @ direction / np.linalg.norm(direction)),
            raised=[word.text for word in one.raised],
            lowered=[word.text for word in one.lowered],
        )
        for number, one in enumerate(words)
    ]
    return rows, found, words


def layer_rows(ranked: Ranked, toward: Sequence[Neuron], away: Sequence[Neuron]) -> list[LayerRow]:
    """Cosines of every layer that has neurons."""
    rows = []
    starts = ranked.neurons.starts
    for layer, size in enumerate(ranked.neurons.sizes):
        if size:
            own = ranked.cosines[starts[layer] : starts[layer + 1]]
            low, p1, p99, high = (float(value) for value in np.quantile(own, (0, 0.01, 0.99, 1)))
            counts = [sum(n[0] == layer for n in side) for side in (toward, away)]
            rows.append(
                LayerRow(
                    layer=layer,
                    neurons=size,
                    toward=counts[0],
                    away=counts[1],
                    low=low,
                    p1=p1,
                    p99=p99,
                    high=high,
                )
            )
    return rows


def promoting(rows: Sequence[VectorRow], gated: bool) -> list[VectorRow]:
    """Neurons for ``neurons.json``: those that push towards the probe, as far as that was looked at.

    Li, Yong & Bach (2024) keep of the nearest those whose mean activation is above 0. A gated coefficient has
    either sign, so there the farthest ones that are active with the other sign promote it as well.
    """
    given = [row for row in rows if row.side == "given"]
    if given:
        return given
    sides = ("toward", "away") if gated and any(row.promotes is not None for row in rows) else ("toward",)
    return [row for row in rows if row.side in sides and row.promotes in (None, 1)]
