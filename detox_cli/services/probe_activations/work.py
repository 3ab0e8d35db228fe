"""The steps of ``probe activations``: write, read the choosing half, choose, read the testing half, count."""

from dataclasses import dataclass
from pathlib import Path

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.rejects import Rejects
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.groups import grouped
from detox_cli.models.neurons.listing import NeuronList, write_neurons
from detox_cli.models.neurons.ranking import Ranked, rank
from detox_cli.models.neurons.reading import Written
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.services.probe.opened import (
    Opened,
    open_neurons,
    random_like,
    seen_in_stream,
    warn_of_another_model,
)
from detox_cli.services.probe.prompts import asked_of
from detox_cli.services.probe.steps import Steps
from detox_cli.services.probe_activations.compared import (
    Followed,
    check_same_shape,
    followed,
    weightings,
)
from detox_cli.services.probe_activations.controls import direction_controls, set_controls
from detox_cli.services.probe_activations.figures import Drawing, group_rows, language_rows, layer_rows
from detox_cli.services.probe_activations.halves import halves_of
from detox_cli.services.probe_activations.passes import Read, Reader, Told
from detox_cli.services.probe_activations.pictures import write_pictures
from detox_cli.services.probe_activations.result import Control, ProbeActivationsResult
from detox_cli.services.probe_activations.tables import neuron_rows, write_statistics
from detox_cli.settings.probe_activations import ProbeActivationsSettings


@dataclass(frozen=True)
class Given:
    """What was found before anything is loaded."""

    source: ModelSource
    tuned: ModelSource | None
    probe: LinearProbe | None
    neurons: NeuronList | None
    prompts: list[Prompt]
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


class Work:
    """Fills the folder, step by step."""

    def __init__(
        self, settings: ProbeActivationsSettings, given: Given, rejects: Rejects, progress: Progress
    ) -> None:
        self.settings, self.given, self.rejects, self.progress = settings, given, rejects, progress
        self.steps: Steps | None = None
        self.opened: tuple[Opened, Opened | None] | None = None
        self.along: Along | None = None
        self.texts: Texts | None = None

    def forget(self) -> None:
        """The output is in place."""
        if self.steps is not None:
            self.steps.forget()

    def fill(self, folder: Path) -> ProbeActivationsResult:
        """Everything from loading to pictures."""
        settings, given = self.settings, self.given
        self.steps = Steps(settings.output, given.fingerprint)
        base, tuned = self.opened = self._open()
        along = self.along = self._along(base)
        if given.neurons is not None:
            given.neurons.check_fits(base.vectors.neurons, str(settings.neurons))
        texts = self.texts = self._texts(base, tuned)
        readers = self._readers(base, tuned)
        choosing = {
            name: reader.read("the model", texts.told, texts.base, "choosing", None)
            for name, reader in readers.items()
        }
        means = {name: read.moments().mean for name, read in choosing.items()}
        gated = any(part.gated for part in base.vectors.neurons.parts)
        ranked = along.ranked if along is not None else None
        chosen = followed(given.neurons, ranked, settings.top, means["before"], gated)
        pair = (means["before"], means["same"]) if "same" in means else None
        weights, column = weightings(base, chosen, along.products if along else None, pair)
        reads = {
            name: reader.read("the model", texts.told, texts.base, "testing", weights)
            for name, reader in readers.items()
        }
        if texts.tuned is not None:
            own = readers["same"].read("the tuned one", texts.told, texts.tuned, "testing", weights)
            reads["own"] = own
        result = self._result(base, along, chosen, texts, choosing, reads, column, folder)
        write_pictures(result, folder, self.progress)
        return result

    def _open(self) -> tuple[Opened, Opened | None]:
        self.progress.stage(f"loading {self.settings.model}")
        base = open_neurons(self.settings, self.given.source)
        if self.given.tuned is None:
            return base, None
        self.progress.stage(f"loading {self.settings.tuned}")
        tuned = open_neurons(self.settings, self.given.tuned)
        check_same_shape(base, tuned)
        return base, tuned

    def _along(self, base: Opened) -> Along | None:
        probe, settings = self.given.probe, self.settings
        if probe is None:
            return None
        warn_of_another_model(probe, self.given.source, self.progress)
        direction = seen_in_stream(base, probe, str(settings.probe))
        ranked = rank(base.vectors, direction, random_like(base, probe, 1, settings.seed))
        return Along(direction, ranked, ranked.cosines * ranked.lengths)

    def _texts(self, base: Opened, tuned: Opened | None) -> Texts:
        assert self.steps is not None
        settings = self.settings
        asked = asked_of(base.loaded, self.given.prompts, settings.max_new_tokens, self.rejects)
        halves = halves_of([p for p in self.given.prompts if p.id in {one.id for one in asked}])
        units = {prompt.id: prompt.source or prompt.id for prompt in self.given.prompts}
        told = [Told(one.id, one.lang, halves[one.id], units[one.id]) for one in asked]
        written = {}
        for name, opened in (("base", base), ("tuned", tuned)):
            if opened is not None:
                self.progress.stage(f"{opened.loaded.source.name} continues {len(asked)} prompts")
                written[name] = self.steps.written(
                    name, opened.loaded, asked, settings.max_new_tokens, settings.batch_tokens
                )
        return Texts(told, written["base"], written.get("tuned"))

    def _readers(self, base: Opened, tuned: Opened | None) -> dict[str, Reader]:
        assert self.steps is not None
        gates = self.settings.gates and any(part.gated for part in base.vectors.neurons.parts)
        named = {"before": base, "same": tuned}
        return {
            name: Reader(
                "base" if name == "before" else "tuned",
                opened.model,
                opened.vectors.neurons,
                self.steps,
                self.settings.batch_tokens,
                gates,
                self.progress,
            )
            for name, opened in named.items()
            if opened is not None
        }

    def _result(
        self,
        base: Opened,
        along: Along | None,
        chosen: Followed,
        texts: Texts,
        choosing: dict[str, Read],
        reads: dict[str, Read],
        column: int,
        folder: Path,
    ) -> ProbeActivationsResult:
        settings, neurons = self.settings, base.vectors.neurons
        draw = Drawing(settings.seed, settings.resamples)
        sums = {name: read.sums for name, read in reads.items()}
        languages = (
            language_rows(texts.told, column, sums["before"], sums.get("same"), sums.get("own"), draw)
            if chosen.neurons
            else []
        )
        means = {name: read.moments().mean for name, read in choosing.items()}
        tested = {name: read.moments().mean for name, read in reads.items()}
        groups = None
        if along is not None and "same" in means:
            groups = grouped(along.products, means["before"], means["same"])
        cosines = along.ranked.cosines if along is not None else None
        products = along.products if along is not None else None
        write_statistics(folder / "statistics.safetensors", reads)
        if chosen.neurons:
            listed = NeuronList(tuple(chosen.neurons), (), self.given.source.fingerprint, neurons.sizes)
            write_neurons(folder / "neurons.json", listed)
        carried, layers = [], []
        if groups is not None and products is not None:
            carried = group_rows(texts.told, groups, sums["before"], sums["same"], draw)
            layers = layer_rows(neurons, products, tested["same"] - tested["before"], groups)
        return ProbeActivationsResult(
            model=settings.model,
            tuned=settings.tuned,
            probe=str(settings.probe) if settings.probe else None,
            neurons=neurons.total,
            prompts=len(texts.told),
            testing=sum(one.half == "testing" for one in texts.told),
            tokens=sum(text.count for text in texts.base),
            tuned_tokens=None if texts.tuned is None else sum(text.count for text in texts.tuned),
            rejected=self.rejects.count,
            followed=len(chosen.neurons),
            chosen_by=chosen.how,
            languages=languages,
            controls=self._controls(base, along, chosen, means, tested),
            groups=carried,
            layers=layers,
            listed=neuron_rows(neurons, chosen.neurons, cosines, reads, products, groups),
        )

    def _controls(
        self,
        base: Opened,
        along: Along | None,
        chosen: Followed,
        means: dict[str, Floats],
        tested: dict[str, Floats],
    ) -> list[Control]:
        settings, neurons = self.settings, base.vectors.neurons
        if not settings.random:
            return []
        found: list[Control] = []
        if chosen.neurons:
            values = {"mean coefficient": tested["before"]}
            if "same" in tested:
                values["change on the same tokens"] = tested["same"] - tested["before"]
            found += set_controls(
                neurons,
                chosen.neurons,
                chosen.signs,
                means["before"],
                values,
                settings.random,
                settings.seed,
            )
        if along is not None and self.given.probe is not None and "same" in means:
            random = random_like(base, self.given.probe, settings.random, settings.seed)
            pairs = [(values["before"], values["same"]) for values in (means, tested)]
            found += direction_controls(base.vectors, along.products, random, *pairs)
        return found
