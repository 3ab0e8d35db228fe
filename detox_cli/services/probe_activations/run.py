"""``detox probe activations``: read what models write once, and count every neuron as it passes."""

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadSettings
from detox_cli.models.neurons.listing import read_neurons
from detox_cli.models.probes.files import read_probe
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.probe.kept import files_read, kept_folder, model_record
from detox_cli.services.probe.prompts import prompts_of
from detox_cli.services.probe_activations.halves import halves_of
from detox_cli.services.probe_activations.lens import lexicon_of
from detox_cli.services.probe_activations.opening import Given
from detox_cli.services.probe_activations.result import ProbeActivationsResult
from detox_cli.services.probe_activations.work import Work
from detox_cli.settings.probe_activations import ProbeActivationsSettings

SILENT = Silent()
NOT_DECISIVE = {
    *("output", "overwrite", "batch_tokens", "device", "password"),
    *("probe", "neurons", "prompts", "model", "tuned", "lens_words"),
}
"""Settings that do not decide figures; of files and models the content counts."""


def run(settings: ProbeActivationsSettings, progress: Progress = SILENT) -> ProbeActivationsResult:
    """Count all neurons of a model while it writes, and of a second one on the same and on its own tokens.

    A killed run goes on after its last finished step; one that is finished does nothing.

    Raises:
        BadData: The probe or list is for another model, the models have different shapes, or there are too
            few prompts.
        BadSettings: Something else is at the output, or a rule is given for neurons and no neurons.
        Missing: A model cannot be had.
    """
    if settings.positivity is not None and settings.probe is None and settings.neurons is None:
        raise BadSettings(
            "no neurons are followed", where="--positivity", hint="add --probe, --neurons, or both"
        )
    probe = read_probe(settings.probe) if settings.probe else None
    listed = read_neurons(settings.neurons) if settings.neurons else None
    source = find_model(settings.model, settings.revision)
    tuned = find_model(settings.tuned) if settings.tuned else None
    words = lexicon_of(settings)
    with Rejects(settings.output.with_name(settings.output.name + ".rejects.jsonl")) as rejects:
        prompts = prompts_of(settings, rejects)
        halves_of(prompts)
        identity = fingerprint(
            command="probe activations",
            settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
            models=[source.fingerprint, tuned and tuned.fingerprint],
            probe=probe and [probe.direction.tolist(), probe.site.place],
            neurons=listed and listed.neurons,
            words=words and words.entries,
            prompts=[(prompt.id, prompt.lang, prompt.text) for prompt in prompts],
        )
        given = Given(source, tuned, probe, listed, prompts, words, identity)
        work = Work(settings, given, rejects, progress)
        named = {"model": source, "tuned": tuned}
        result = kept_folder(
            settings,
            settings.output,
            settings.overwrite,
            "probe activations",
            identity,
            ProbeActivationsResult,
            work.fill,
            progress,
            inputs=files_read(settings.probe, settings.neurons, settings.prompts, settings.lens_words),
            models={role: model_record(one) for role, one in named.items() if one is not None},
            rejects=rejects,
        )
        work.forget()
    return result
