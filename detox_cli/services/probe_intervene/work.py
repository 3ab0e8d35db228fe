"""The measurements of ``detox probe intervene``, one after the other, and the model that is written."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from math import inf
from pathlib import Path
from typing import Any

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded
from detox_cli.models.neurons.changing import Change as Coefficients
from detox_cli.models.neurons.listing import NeuronList
from detox_cli.models.neurons.proof import load_neurons
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import write_manifest
from detox_cli.runs.output import journal_path
from detox_cli.services.measured_model import PROSE, Change, Measured, MeasuredModel, text_of
from detox_cli.services.negate.compare import candidates_of
from detox_cli.services.probe.kept import files_read, model_record
from detox_cli.services.probe.opened import Opened, of_other_weights
from detox_cli.services.probe_intervene.bake import card_of_baked, check_baked, planned_folds, write_baked
from detox_cli.services.probe_intervene.chance import by_chance
from detox_cli.services.probe_intervene.matched import usual_stream
from detox_cli.services.probe_intervene.ops import change_of, strengthens
from detox_cli.services.probe_intervene.pictures import write_pictures
from detox_cli.services.probe_intervene.result import Baked, ProbeInterveneResult, Step
from detox_cli.services.probe_intervene.target import ChosenDirection, ChosenNeurons, Target
from detox_cli.settings.probe_intervene import ProbeInterveneSettings

BASE = "as it is"


@dataclass(frozen=True)
class Chosen:
    """What the settings name."""

    neurons: NeuronList | None
    probe: LinearProbe | None

    @property
    def cosines(self) -> tuple[float, ...]:
        """Of the neurons with their probe, where that is known."""
        return self.neurons.cosines if self.neurons is not None else ()


@dataclass
class Work:
    """A measured model, and what is changed in it."""

    settings: ProbeInterveneSettings
    chosen: Chosen
    source: ModelSource
    subject: MeasuredModel
    identity: str
    started: float
    progress: Progress

    @cached_property
    def loaded(self) -> Loaded:
        """The model in memory; where a prompt is read in parts, no position would be the last."""
        engine: Any = self.subject.engine
        if self.settings.positions == "generated" and engine.loop == "generate":
            raise BadSettings(
                f"what {self.settings.model} keeps of tokens does not tell which of them it has written",
                where="--positions generated",
                hint="use all or last",
            )
        if self.settings.positions != "all" and engine.loop in ("shared", "expanded"):
            engine.loop = "plain"
        return Loaded(engine.model, engine.tokenizer, engine.source)

    @cached_property
    def target(self) -> Target:
        """What is changed, looked up in the model."""
        vectors = load_neurons(self.loaded.model)
        where = str(self.settings.neurons or self.settings.probe)
        if self.chosen.probe is not None:
            return ChosenDirection.of(self.settings, Opened(self.loaded, vectors), self.chosen.probe, where)
        listed = self.chosen.neurons
        assert listed is not None
        listed.check_fits(vectors.neurons, where)
        text = text_of(self.settings.text or PROSE, self.subject.protocol)
        return ChosenNeurons.of(self.settings, self.loaded, vectors, listed.neurons, text)

    def fill(self, folder: Path) -> ProbeInterveneResult:
        """Measure everything, and write it into the folder; what cannot be changed is found before that."""
        target = self.target
        if self.settings.bake is not None and isinstance(target, ChosenNeurons):
            planned_folds(self.source, target.neurons, self._change(target))
        measured = self._measured()
        figure, seed = self.subject.toxicity, self.settings.seed
        names = {one.name: float(place) for place, one in enumerate(measured)}
        rows = candidates_of(measured, names, figure, inf, None, seed, self.subject.counting.resamples)
        steps = [
            Step(
                dose=dose,
                random=number,
                strengthens=dose is not None and strengthens(self.settings.op, dose, self.chosen.cosines),
                measured=row.model_copy(update={"scale": dose}),
            )
            for (dose, number), row in zip(self._plan(), rows, strict=True)
        ]
        result = ProbeInterveneResult(
            model=self.settings.model,
            op=self.settings.op,
            what=self._what(),
            positions=self.settings.positions,
            neurons=list(self.chosen.neurons.neurons) if self.chosen.neurons else [],
            audit=any(one.strengthens for one in steps),
            figure=figure,
            prompts=_short(self.subject.prompts_name),
            samples=self.subject.protocol.samples,
            protocol=self.subject.protocol.name,
            text=_short(self.subject.text_name),
            scorers=self.subject.tools.identities,
            stream=self._stream(),
            steps=steps,
            by_chance=by_chance(steps, seed),
            notes=of_other_weights(self.source, self.chosen.probe, self.chosen.neurons),
        )
        if self.settings.bake is not None:
            result = result.model_copy(update={"baked": self._bake(result)})
        write_pictures(result, folder, self.progress)
        return result

    def _plan(self) -> list[tuple[float | None, int | None]]:
        """Dose and random set of every measurement; the model as it is comes first."""
        doses = [(dose, number) for number in (None, *self._sets()) for dose in self.settings.doses]
        return [(None, None), *doses]

    def _sets(self) -> Sequence[int]:
        return range(1, self.settings.controls + 1)

    def _measured(self) -> list[Measured]:
        found: dict[str, Measured] = {}
        with Journal(journal_path(self.settings.output), self.identity) as journal:
            for record in journal.records():
                one = Measured.of(record)
                found[one.name] = one
            with self.progress.task("measurements", len(self._plan()), len(found)) as task:
                for dose, number in self._plan():
                    name = _name(dose, number)
                    if name not in found:
                        self.progress.stage(f"measuring {name}")
                        reading, writing = self._changes(dose, number)
                        found[name] = self.subject.measure_in(name, reading, writing)
                        journal.append(found[name].record())
                        task.advance()
        return [found[_name(dose, number)] for dose, number in self._plan()]

    def _changes(self, dose: float | None, number: int | None) -> tuple[Change, Change]:
        target = self.target
        if dose is None:
            return nullcontext, nullcontext
        one = target if number is None else target.random(number)
        return partial(one.changed, dose, "all"), partial(one.changed, dose, self.settings.positions)

    def _stream(self) -> tuple[float, float] | None:
        target = self.target
        if not isinstance(target, ChosenDirection):
            return None
        text = text_of(self.settings.text or PROSE, self.subject.protocol)
        model, anatomy = self.loaded.model, target.opened.vectors.neurons.anatomy
        return usual_stream(model, anatomy, self.loaded.tokenizer, target.layers, target.unit, text)

    def _change(self, target: ChosenNeurons) -> Coefficients:
        return change_of(self.settings.op, self.settings.doses[0], target.usual)

    def _what(self) -> str:
        if self.chosen.neurons is not None:
            count = len(self.chosen.neurons.neurons)
            return "1 neuron" if count == 1 else f"{count} neurons"
        target = self.target
        assert isinstance(target, ChosenDirection)
        layers = ", ".join(map(str, target.layers))
        return f"the direction of {self.settings.probe} after layer {layers}"

    def _bake(self, result: ProbeInterveneResult) -> Baked:
        settings, target = self.settings, self.target
        assert settings.bake is not None and isinstance(target, ChosenNeurons)
        change = self._change(target)
        with atomic_folder(settings.bake, overwrite=True) as folder:
            tensors = write_baked(settings, self.source, target.neurons, change, folder, self.progress)
            gap = check_baked(settings, folder, self.loaded.model, target.changed(settings.doses[0], "all"))
            baked = Baked(folder=settings.bake, tensors=tensors, gap=gap)
            told = [one.measured for one in result.steps]
            card_of_baked(settings, self.source, folder, baked, result.what, told, result.prompts)
            write_manifest(
                folder,
                command="probe intervene",
                settings=settings.model_dump(mode="json"),
                inputs=inputs_of(settings),
                models={"base": model_record(self.source)},
                scorers=result.scorers,
                metrics={"steps": result.model_dump(mode="json")["steps"]},
                started=self.started,
                fingerprint=self.identity,
            )
        return baked


def inputs_of(settings: ProbeInterveneSettings) -> list[str | Path]:
    """The files that a manifest lists; neurons that are named by numbers are in no file."""
    named = Path(settings.neurons) if settings.neurons and Path(settings.neurons).exists() else None
    files = files_read(settings.probe, named, settings.prompts)
    return [*files, settings.text] if settings.text is not None else files


def _short(name: str) -> str:
    """A file by its own name; what is no file as it is."""
    return Path(name).name if Path(name).exists() else name


def _name(dose: float | None, number: int | None) -> str:
    if dose is None:
        return BASE
    return f"dose {dose:g}" if number is None else f"dose {dose:g} of random set {number}"
