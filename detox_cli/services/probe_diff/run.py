"""``detox probe diff``: two models side by side, in their weights, their streams and their neurons."""

from pathlib import Path

from detox_cli.data.rejects import Rejects
from detox_cli.models.neurons.listing import read_neurons
from detox_cli.models.probes.files import read_probe
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.pictures import shown
from detox_cli.services.probe.flat import flat_rows
from detox_cli.services.probe.kept import files_read, kept_folder, model_record
from detox_cli.services.probe.opened import random_like
from detox_cli.services.probe.prompts import prompts_of
from detox_cli.services.probe_activations.figures import Drawing
from detox_cli.services.probe_activations.halves import halves_of
from detox_cli.services.probe_activations.lens import lexicon_of
from detox_cli.services.probe_activations.opening import Given
from detox_cli.services.probe_activations.work import Work
from detox_cli.services.probe_diff.findings import findings
from detox_cli.services.probe_diff.page import write_report
from detox_cli.services.probe_diff.picture import paint_shifts, paint_tensors
from detox_cli.services.probe_diff.result import ProbeDiffResult
from detox_cli.services.probe_diff.stream import shift_rows, stream_shifts
from detox_cli.services.probe_diff.weights import subspaces, tensor_rows
from detox_cli.settings.probe_activations import ProbeActivationsSettings
from detox_cli.settings.probe_diff import ProbeDiffSettings

SILENT = Silent()
NOT_DECISIVE = {
    *("output", "overwrite", "batch_tokens", "device", "password"),
    *("probe", "neurons", "prompts", "model", "other", "lens_words"),
}
OWN = {"other", "subspace", "subspace_vectors", "components"}
"""Settings that ``probe activations`` does not have."""


def run(settings: ProbeDiffSettings, progress: Progress = SILENT) -> ProbeDiffResult:
    """Compare a model with what it became.

    Raises:
        BadData: The models have different shapes or tokens, or the probe is for another model.
        BadSettings: Something else is at the output.
        Missing: A model cannot be had.
    """
    probe = read_probe(settings.probe)
    listed = read_neurons(settings.neurons) if settings.neurons else None
    source, other = find_model(settings.model, settings.revision), find_model(settings.other)
    own = _of_neurons(settings)
    words = lexicon_of(own)
    with Rejects(settings.output.with_name(settings.output.name + ".rejects.jsonl")) as rejects:
        prompts = prompts_of(settings, rejects)
        halves_of(prompts)
        identity = fingerprint(
            command="probe diff",
            settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
            models=[source.fingerprint, other.fingerprint],
            probe=[probe.direction.tolist(), probe.site.place],
            neurons=listed and listed.neurons,
            words=words and words.entries,
            prompts=[(prompt.id, prompt.lang, prompt.text) for prompt in prompts],
        )
        given = Given(source, other, probe, listed, prompts, words, identity)
        work = _Work(settings, own, given, rejects, progress)
        result = kept_folder(
            settings,
            settings.output,
            settings.overwrite,
            "probe diff",
            identity,
            ProbeDiffResult,
            work.fill,
            progress,
            inputs=files_read(settings.probe, settings.neurons, settings.prompts, settings.lens_words),
            models={"model": model_record(source), "other": model_record(other)},
            rejects=rejects,
        )
        work.neurons.forget()
    return result


def _of_neurons(settings: ProbeDiffSettings) -> ProbeActivationsSettings:
    """The part of the work that ``probe activations`` does."""
    return ProbeActivationsSettings(**settings.model_dump(exclude=OWN), tuned=settings.other)


class _Work:
    """What fills the folder: the neurons first, whose texts the streams are read on."""

    def __init__(
        self,
        settings: ProbeDiffSettings,
        own: ProbeActivationsSettings,
        given: Given,
        rejects: Rejects,
        progress: Progress,
    ) -> None:
        self.settings, self.given, self.progress = settings, given, progress
        self.neurons = Work(own, given, rejects, progress)

    def fill(self, folder: Path) -> ProbeDiffResult:
        settings, progress, neurons = self.settings, self.progress, self.neurons
        (folder / "neurons").mkdir()
        activations = neurons.fill(folder / "neurons")
        assert neurons.opened is not None and neurons.along is not None and neurons.texts is not None
        base, other = neurons.opened
        assert other is not None and self.given.probe is not None
        direction, ranked = neurons.along.direction, neurons.along.ranked
        progress.stage("comparing weights")
        spaces = subspaces(
            base,
            ranked,
            direction,
            settings.subspace,
            settings.subspace_vectors,
            settings.random,
            settings.seed,
        )
        tensors, kinds = tensor_rows(base, other, spaces)
        random = random_like(base, self.given.probe, settings.random, settings.seed)
        moved = stream_shifts(base, other, neurons.texts.base, direction, random, settings, progress)
        units = [one.unit for one in neurons.texts.told]
        shifts = shift_rows(moved, units, Drawing(settings.seed, settings.resamples))
        result = ProbeDiffResult(
            model=settings.model,
            other=settings.other,
            probe=str(settings.probe),
            place=self.given.probe.site.place,
            width=base.vectors.neurons.anatomy.width,
            subspace=settings.subspace,
            components=settings.components,
            random=settings.random,
            notes=activations.notes,
            findings=[*activations.notes, *findings(kinds, tensors, shifts, activations)],
            kinds=kinds,
            tensors=tensors,
            shifts=shifts,
            activations=activations.model_copy(update={"notes": []}),
        )
        shown(folder / "tensors", flat_rows(tensors), lambda figure: paint_tensors(tensors, figure), progress)
        shown(folder / "stream", flat_rows(shifts), lambda figure: paint_shifts(shifts, figure), progress)
        write_report(folder / "report.html", result)
        return result
