"""The steps of ``probe activations``: write, read the choosing half, choose, read the testing half, count."""

from pathlib import Path

from detox_cli.data.rejects import Rejects
from detox_cli.models.neurons.groups import grouped
from detox_cli.models.neurons.reading import Written
from detox_cli.output.progress import Progress
from detox_cli.services.probe.opened import Opened
from detox_cli.services.probe.steps import Steps
from detox_cli.services.probe_activations.compared import followed, weightings
from detox_cli.services.probe_activations.figures import Drawing
from detox_cli.services.probe_activations.lens import LensFigures, seen_through
from detox_cli.services.probe_activations.lens_result import LensResult
from detox_cli.services.probe_activations.opening import Along, Given, Opening, Texts
from detox_cli.services.probe_activations.outcome import Chosen, Outcome
from detox_cli.services.probe_activations.passes import Read, Reader
from detox_cli.services.probe_activations.pictures import write_pictures
from detox_cli.services.probe_activations.result import ProbeActivationsResult
from detox_cli.services.probe_activations.tables import listed_neurons
from detox_cli.settings.probe_activations import ProbeActivationsSettings


class Work:
    """Fills the folder, step by step; what it has opened stays for those who go on from there."""

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
        self.steps = Steps(self.settings.output, self.given.fingerprint)
        opening = Opening(self.settings, self.given, self.steps, self.rejects, self.progress)
        base, tuned = self.opened = opening.models()
        along = self.along = opening.along(base)
        texts = self.texts = opening.texts(base, tuned)
        readers = opening.readers(base, tuned)
        choosing = {
            name: reader.read("the model", texts.told, texts.base, "choosing")
            for name, reader in readers.items()
        }
        chosen = self._chosen(base, along, choosing)
        reads = self._tested(readers, texts, chosen)
        outcome = Outcome(self.settings, self.given, base, along, texts, chosen, choosing, reads)
        result = outcome.result(self.rejects.count, self._lens(base, tuned))
        outcome.write(folder)
        write_pictures(result, folder, self.progress)
        return result

    def _lens(self, base: Opened, tuned: Opened | None) -> LensResult | None:
        words, texts = self.given.words, self.texts
        if words is None or texts is None or self.steps is None:
            return None
        opened = {role: one for role, one in (("before", base), ("same", tuned)) if one is not None}
        tokens, seen = seen_through(self.settings, words, opened, texts.base, self.steps, self.progress)
        draw = Drawing(self.settings.seed, self.settings.resamples)
        units = [one.unit for one in texts.told]
        return LensFigures(tokens, seen, units, draw, self.settings.random).result(words.name)

    def _chosen(self, base: Opened, along: Along | None, choosing: dict[str, Read]) -> Chosen:
        """Which neurons are followed and listed, and which groups there are, by the choosing half alone."""
        neurons = base.vectors.neurons
        found = {name: read.moments() for name, read in choosing.items()}
        before = found["before"].mean
        ranked = along.ranked if along is not None else None
        rule = self.settings.positivity
        own = followed(self.given.neurons, ranked, self.settings.top, before, neurons, rule)
        pair = (before, found["same"].mean) if "same" in found else None
        products = along.products if along is not None else None
        weights, column = weightings(base, own, products, pair)
        groups = shifts = None
        if products is not None and pair is not None:
            groups, shifts = grouped(products, *pair), products * (pair[1] - pair[0])
        listed = listed_neurons(neurons, own.neurons, found["before"], shifts)
        return Chosen(own, listed, groups, weights, column)

    def _tested(self, readers: dict[str, Reader], texts: Texts, chosen: Chosen) -> dict[str, Read]:
        def read(reader: Reader, tokens: str, written: list[Written]) -> Read:
            return reader.read(tokens, texts.told, written, "testing", chosen.weights, chosen.listed)

        reads = {name: read(reader, "the model", texts.base) for name, reader in readers.items()}
        if texts.tuned is not None:
            reads["own"] = read(readers["same"], "the tuned one", texts.tuned)
        return reads
