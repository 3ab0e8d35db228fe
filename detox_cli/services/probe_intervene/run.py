"""``detox probe intervene``: change value vectors or a direction, dose by dose, and measure that."""

from dataclasses import replace

from detox_cli.errors import BadSettings
from detox_cli.models.probes.files import read_probe
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.clock import steady_time
from detox_cli.runs.manifest import fingerprint, read_manifest
from detox_cli.services.measured_model import MeasuredModel
from detox_cli.services.probe.kept import kept_folder, model_record
from detox_cli.services.probe.opened import warn_of_another_model
from detox_cli.services.probe_intervene.ops import strengthens
from detox_cli.services.probe_intervene.result import ProbeInterveneResult
from detox_cli.services.probe_intervene.target import neurons_named
from detox_cli.services.probe_intervene.work import Chosen, Work, inputs_of
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.settings.probe_intervene import ProbeInterveneSettings

SILENT = Silent()
NOT_DECISIVE = {
    *("output", "overwrite", "batch_tokens", "device", "password", "model", "probe", "neurons", "prompts"),
    *("bake", "text"),
}


def run(
    settings: ProbeInterveneSettings, measure: EvalGenerationSettings, progress: Progress = SILENT
) -> ProbeInterveneResult:
    """Measure a model as it is, at every dose, and with random sets changed alike; write one if asked to.

    A killed run goes on after its last measurement; one that is finished does nothing.

    Raises:
        BadData: The probe or list is of another model, or the model has no MLPs of a known form.
        BadSettings: A dose strengthens what was chosen without ``--audit``, or would be baked so; something
            else is at the output.
        Missing: The model or what measures is not there.
    """
    chosen = _chosen(settings)
    _check_doses(settings, chosen)
    source = find_model(settings.model, settings.revision)
    subject = MeasuredModel(measure, settings.text, progress)
    identity = fingerprint(
        command="probe intervene",
        settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
        model=[source.revision, source.fingerprint],
        chosen=[
            chosen.neurons and chosen.neurons.neurons,
            chosen.probe and [chosen.probe.direction.tolist(), chosen.probe.site.place],
        ],
        subject=subject.decisive,
        bake=settings.bake is not None,
    )
    _check_place(settings, identity)
    for one in (chosen.probe, chosen.neurons):
        if one is not None:
            warn_of_another_model(one, source, progress)
    work = Work(settings, chosen, source, subject, identity, steady_time(), progress)
    found = kept_folder(
        settings,
        settings.output,
        settings.overwrite,
        "probe intervene",
        identity,
        ProbeInterveneResult,
        work.fill,
        progress,
        inputs=inputs_of(settings),
        models={"model": model_record(source)},
    )
    baked = [settings.bake] if settings.bake is not None else []
    return found.model_copy(update={"files": [*found.files, *baked]})


def _chosen(settings: ProbeInterveneSettings) -> Chosen:
    if settings.neurons is None:
        return Chosen(None, read_probe(str(settings.probe)))
    listed = neurons_named(settings.neurons)
    top = settings.top
    return Chosen(replace(listed, neurons=listed.neurons[:top], cosines=listed.cosines[:top]), None)


def _check_doses(settings: ProbeInterveneSettings, chosen: Chosen) -> None:
    stronger = [dose for dose in settings.doses if strengthens(settings.op, dose, chosen.cosines)]
    if stronger and not settings.audit:
        raise BadSettings(
            f"--op {settings.op} with a dose of {stronger[0]:g} can strengthen what was chosen",
            where="--dose",
            hint="add --audit where that is what you want to measure",
        )
    if stronger and settings.bake is not None:
        raise BadSettings(
            "a strengthened model is measured, and never written",
            where="--bake",
            hint="leave --bake out, or choose doses that weaken",
        )


def _check_place(settings: ProbeInterveneSettings, identity: str) -> None:
    """Refuse a place for the model that holds something else, before anything is measured for it."""
    place = settings.bake
    if place is None or settings.overwrite or not place.exists() or not any(place.iterdir()):
        return
    if (read_manifest(place) or {}).get("fingerprint") != identity:
        raise BadSettings(
            "something is there already",
            where=f"--bake {place}",
            hint="choose another folder, or --overwrite",
        )
