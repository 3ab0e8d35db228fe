"""How active the neurons are that write towards toxicity, while a model is tuned to be without it.

Li, Yong & Bach 2024 (arXiv 2406.16235, section 5): the neurons whose value vectors lie nearest to a probe and
whose mean activation is positive; preference tuning lowers it in every language.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData
from detox_cli.models.directions import Floats
from detox_cli.models.loading import Loaded
from detox_cli.models.neurons.listing import NeuronList, read_neurons
from detox_cli.models.neurons.moments import Streaming
from detox_cli.models.neurons.parts import Neurons
from detox_cli.models.neurons.proof import load_neurons
from detox_cli.models.neurons.ranking import Ranked, rank
from detox_cli.models.neurons.reading import Sink, read_written
from detox_cli.models.neurons.sums import WeightedSums
from detox_cli.models.probes.files import NAME, PICKLED, read_probe
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.services.probe.opened import Opened, random_like, seen_in_stream
from detox_cli.services.probe.prompts import Asked, asked_of, continued
from detox_cli.services.probe_activations.compared import followed
from detox_cli.statistics.bootstrap import Estimate, mean_interval

NEAREST, NEW_TOKENS, BATCH_TOKENS = 100, 20, 8192
"""Value vectors nearest to the probe, as published; tokens of a continuation; tokens of a batch."""


def read_tracked(path: Path) -> LinearProbe | NeuronList:
    """A probe, or a list of neurons: of ``probe train`` and ``probe vectors``, or as they were published.

    Raises:
        BadData: It is neither.
    """
    if not path.exists():
        hint = "name a folder of detox probe train, or a list of detox probe vectors"
        raise BadData(
            "there is neither a probe nor a list of neurons", where=f"--track-neurons {path}", hint=hint
        )
    is_probe = path.suffix.lower() in (".safetensors", *PICKLED) or (path / NAME).is_file()
    return read_probe(path) if is_probe else read_neurons(path)


class NeuronTracker:
    """Follows the same neurons through a training, on what the model itself writes.

    Args:
        what: The probe, or the neurons themselves.
        loaded: The model at its start; of the neurons near the probe those count that are active there.
        prompts: What is continued to find that out.
        where: The name of ``what``, for messages.

    Raises:
        BadData: The probe or the list is of another model, or none of its neurons is active.
    """

    def __init__(
        self, what: LinearProbe | NeuronList, loaded: Loaded, prompts: Sequence[Prompt], where: str
    ) -> None:
        opened = Opened(loaded, load_neurons(loaded.model))
        self.neurons: Neurons = opened.vectors.neurons
        listed = what if isinstance(what, NeuronList) else None
        ranked = _ranked(opened, what, where) if isinstance(what, LinearProbe) else None
        if listed is not None:
            listed.check_fits(self.neurons, where)
        before = self._means(loaded, prompts) if ranked is not None else np.zeros(self.neurons.total)
        chosen = followed(listed, ranked, NEAREST, before, self.neurons)
        self.count = len(chosen.neurons)
        self.weights = np.zeros((1, self.neurons.total))
        for neuron in chosen.neurons:
            place = self.neurons.place(neuron)
            self.weights[0, place] = chosen.signs[place] / self.count

    def measure(self, loaded: Loaded, prompts: Sequence[Prompt]) -> dict[str, Estimate]:
        """Their mean coefficient over the tokens of a continuation, over prompts: of all, and by language.

        The coefficient of a neuron that lies against the probe counts with the other sign.
        """
        asked = asked_of(loaded, prompts, NEW_TOKENS, Rejects())
        counts: list[int] = []
        sums = WeightedSums(self.neurons, self.weights, len(asked))
        self._read(loaded, asked, [sums], counts)
        found = sums.per_text(counts)[:, 0]
        languages = sorted({one.lang for one in asked})
        estimates = {"neurons": mean_interval(found)}
        if len(languages) > 1:
            of = np.array([one.lang for one in asked])
            estimates |= {f"neurons/{lang}": mean_interval(found[of == lang]) for lang in languages}
        return estimates

    def _means(self, loaded: Loaded, prompts: Sequence[Prompt]) -> Floats:
        """The mean coefficient of every neuron, ``[N]``."""
        stream = Streaming(self.neurons, "product")
        self._read(loaded, asked_of(loaded, prompts, NEW_TOKENS, Rejects()), [stream], [])
        return stream.moments().mean

    def _read(self, loaded: Loaded, asked: Sequence[Asked], sinks: Sequence[Sink], counts: list[int]) -> None:
        texts = continued(loaded, asked, NEW_TOKENS, BATCH_TOKENS)
        counts += [text.count for text in texts]
        read_written(loaded.model, self.neurons, texts, sinks, BATCH_TOKENS)


def _ranked(opened: Opened, probe: LinearProbe, where: str) -> Ranked:
    direction = seen_in_stream(opened, probe, where)
    return rank(opened.vectors, direction, random_like(opened, probe, 1, 0))
