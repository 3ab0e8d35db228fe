"""What is looked at: the models, the probe in their stream, and what they write."""

from dataclasses import dataclass

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.rejects import Rejects
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.listing import NeuronList
from detox_cli.models.neurons.ranking import Ranked, rank
from detox_cli.models.neurons.reading import Written
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.scoring.lexicon import Lexicon
from detox_cli.services.probe.opened import (
    Opened,
    open_neurons,
    random_like,
    seen_in_stream,
    warn_of_another_model,
)
from detox_cli.services.probe.prompts import asked_of
from detox_cli.services.probe.steps import Steps
from detox_cli.services.probe_activations.compared import check_same_shape
from detox_cli.services.probe_activations.halves import halves_of
from detox_cli.services.probe_activations.passes import Reader, Told
from detox_cli.settings.probe_activations import ProbeActivationsSettings


@dataclass(frozen=True)
class Given:
    """What was found before anything is loaded."""

    source: ModelSource
    tuned: ModelSource | None
    probe: LinearProbe | None
    neurons: NeuronList | None
    prompts: list[Prompt]
    words: Lexicon | None
    fingerprint: str


@dataclass(frozen=True)
class Along:
    """Value vectors beside the probe: its direction, all cosines, and all products ``[N]``."""

    direction: Floats
    ranked: Ranked
    products: Floats


@dataclass(frozen=True)
class Texts:
    """What was asked, and what both models wrote."""

    told: list[Told]
    base: list[Written]
    tuned: list[Written] | None


@dataclass(frozen=True)
class Opening:
    """Settings and what they name, for the steps below.

    Attributes:
        settings: Of the run.
        given: What they name.
        steps: What is done already.
        rejects: Takes prompts that cannot be continued.
        progress: Listens.
    """

    settings: ProbeActivationsSettings
    given: Given
    steps: Steps
    rejects: Rejects
    progress: Progress

    def models(self) -> tuple[Opened, Opened | None]:
        """Both models in memory, proved, and of the same shape; the list of neurons fits them."""
        base = self._opened(self.settings.model, self.given.source)
        listed = self.given.neurons
        if listed is not None:
            listed.check_fits(base.vectors.neurons, str(self.settings.neurons))
            warn_of_another_model(listed, self.given.source, self.progress)
        if self.given.tuned is None:
            return base, None
        tuned = self._opened(str(self.settings.tuned), self.given.tuned)
        check_same_shape(base, tuned)
        return base, tuned

    def _opened(self, name: str, source: ModelSource) -> Opened:
        self.progress.stage(f"loading {name}")
        return open_neurons(self.settings, source)

    def along(self, base: Opened) -> Along | None:
        """All value vectors beside the probe, if there is one."""
        probe, settings = self.given.probe, self.settings
        if probe is None:
            return None
        warn_of_another_model(probe, self.given.source, self.progress)
        direction = seen_in_stream(base, probe, str(settings.probe))
        ranked = rank(base.vectors, direction, random_like(base, probe, 1, settings.seed))
        return Along(direction, ranked, ranked.cosines * ranked.lengths)

    def texts(self, base: Opened, tuned: Opened | None) -> Texts:
        """What both models write after the prompts that can be continued."""
        settings, prompts = self.settings, self.given.prompts
        asked = asked_of(base.loaded, prompts, settings.max_new_tokens, self.rejects)
        halves = halves_of([p for p in prompts if p.id in {one.id for one in asked}])
        units = {prompt.id: prompt.unit for prompt in prompts}
        told = [Told(one.id, one.lang, halves[one.id], units[one.id]) for one in asked]
        written = {}
        for name, opened in (("base", base), ("tuned", tuned)):
            if opened is not None:
                self.progress.stage(f"{opened.loaded.source.name} continues {len(asked)} prompts")
                written[name] = self.steps.written(
                    name, opened.loaded, asked, settings.max_new_tokens, settings.batch_tokens
                )
        return Texts(told, written["base"], written.get("tuned"))

    def readers(self, base: Opened, tuned: Opened | None) -> dict[str, Reader]:
        """``before``, which is the model, and ``same``, which is the tuned one on the model's tokens."""
        gates = self.settings.gates and base.vectors.neurons.gated
        named = {"before": ("base", base), "same": ("tuned", tuned)}
        return {
            name: Reader(
                role,
                opened.model,
                opened.vectors.neurons,
                self.steps,
                self.settings.batch_tokens,
                gates,
                self.progress,
            )
            for name, (role, opened) in named.items()
            if opened is not None
        }
