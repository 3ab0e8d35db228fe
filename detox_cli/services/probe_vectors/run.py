"""``detox probe vectors``: rank every value vector of a model beside a probe."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.rejects import Rejects
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.listing import NeuronList, read_neurons, write_neurons
from detox_cli.models.neurons.moments import KINDS, Streaming
from detox_cli.models.neurons.parts import Neuron
from detox_cli.models.neurons.ranking import Ranked, rank
from detox_cli.models.neurons.reading import read_written
from detox_cli.models.probes.files import read_probe
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.pictures import shown
from detox_cli.services.probe.kept import files_read, kept_folder, model_record
from detox_cli.services.probe.opened import (
    Opened,
    open_neurons,
    random_like,
    seen_in_stream,
    warn_of_another_model,
)
from detox_cli.services.probe.prompts import asked_of, prompts_of
from detox_cli.services.probe.steps import Steps
from detox_cli.services.probe_vectors.picture import paint
from detox_cli.services.probe_vectors.result import ProbeVectorsResult
from detox_cli.services.probe_vectors.rows import (
    Read,
    Speech,
    component_rows,
    layer_rows,
    promoting,
    vector_rows,
)
from detox_cli.settings.probe_vectors import ProbeVectorsSettings

SILENT = Silent()
NOT_DECISIVE = {"output", "overwrite", "batch_tokens", "device", "password", "probe", "neurons", "prompts"}


def run(settings: ProbeVectorsSettings, progress: Progress = SILENT) -> ProbeVectorsResult:
    """Rank value vectors, look with which sign they are active, and say which tokens they raise.

    A killed run keeps what the model has written; one that is finished does nothing.

    Raises:
        BadData: The probe or the list is for another model, the model has no MLPs of a known form, or prompts
            cannot be read.
        BadSettings: Something else is at the output.
        Missing: The model cannot be had.
    """
    probe, source = read_probe(settings.probe), find_model(settings.model, settings.revision)
    given = read_neurons(settings.neurons) if settings.neurons else None
    with Rejects(settings.output.with_name(settings.output.name + ".rejects.jsonl")) as rejects:
        prompts = prompts_of(settings, rejects) if settings.activations else []
        identity = fingerprint(
            command="probe vectors",
            settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
            model=source.fingerprint,
            probe=[probe.direction.tolist(), probe.site.place],
            given=given and given.neurons,
            prompts=[(prompt.id, prompt.text) for prompt in prompts],
        )
        work = _Work(settings, source, probe, given, prompts, identity, rejects, progress)
        result = kept_folder(
            settings,
            settings.output,
            settings.overwrite,
            "probe vectors",
            identity,
            ProbeVectorsResult,
            work.fill,
            progress,
            inputs=files_read(settings.probe, settings.neurons, settings.prompts),
            models={"model": model_record(source)},
            rejects=rejects,
        )
        work.forget()
    return result


class _Work:
    """What fills the folder."""

    def __init__(
        self,
        settings: ProbeVectorsSettings,
        source: ModelSource,
        probe: LinearProbe,
        given: NeuronList | None,
        prompts: list[Prompt],
        identity: str,
        rejects: Rejects,
        progress: Progress,
    ) -> None:
        self.settings, self.source, self.probe, self.given = settings, source, probe, given
        self.prompts, self.identity, self.rejects, self.progress = prompts, identity, rejects, progress
        self.steps: Steps | None = None

    def forget(self) -> None:
        """The output is in place."""
        if self.steps is not None:
            self.steps.forget()

    def fill(self, folder: Path) -> ProbeVectorsResult:
        settings, progress = self.settings, self.progress
        progress.stage(f"loading {settings.model}")
        opened = open_neurons(settings, self.source)
        warn_of_another_model(self.probe, self.source, progress)
        direction = seen_in_stream(opened, self.probe, str(settings.probe))
        neurons = opened.vectors.neurons
        if self.given is not None:
            self.given.check_fits(neurons, str(settings.neurons))
        progress.stage(f"comparing {neurons.total} value vectors")
        ranked = rank(
            opened.vectors, direction, random_like(opened, self.probe, settings.random, settings.seed)
        )
        read, count, tokens = self._read(opened)
        result = self._result(opened, ranked, direction, read, count, tokens, folder)
        rows = [row.model_dump() for row in result.vectors]
        shown(folder / "vectors", rows, lambda figure: paint(result, figure), progress)
        return result

    def _read(self, opened: Opened) -> tuple[Read, int, int]:
        """Statistics of all neurons, over how many prompts, and over how many tokens."""
        if not self.prompts:
            return {}, 0, 0
        settings, neurons = self.settings, opened.vectors.neurons
        asked = asked_of(opened.loaded, self.prompts, settings.max_new_tokens, self.rejects)
        self.progress.stage(f"continuing {len(asked)} prompts")
        self.steps = Steps(settings.output, self.identity)
        texts = self.steps.written(
            "base", opened.loaded, asked, settings.max_new_tokens, settings.batch_tokens
        )
        gated = any(part.gated for part in neurons.parts)
        streams = {kind: Streaming(neurons, kind) for kind in (KINDS if gated else KINDS[:1])}
        with self.progress.task("reading continuations", len(texts)) as task:
            read_written(
                opened.model,
                neurons,
                texts,
                list(streams.values()),
                settings.batch_tokens,
                gates=gated,
                done=task.advance,
            )
        return (
            {kind: stream.moments() for kind, stream in streams.items()},
            len(texts),
            sum(text.count for text in texts),
        )

    def _result(
        self,
        opened: Opened,
        ranked: Ranked,
        direction: Floats,
        read: Read,
        prompts: int,
        tokens: int,
        folder: Path,
    ) -> ProbeVectorsResult:
        settings, vectors = self.settings, opened.vectors
        speech = Speech(opened.model, opened.loaded.tokenizer, settings.words)
        sides = self._sides(ranked)
        rows = [
            row
            for side, chosen in sides.items()
            for row in vector_rows(side, chosen, ranked, vectors, speech, read)
        ]
        made, found = component_rows(
            settings.components, settings.component_vectors, ranked, vectors, direction, speech
        )
        save_file(
            {"probe": direction, "components": np.ascontiguousarray(found)}, folder / "directions.safetensors"
        )
        gated = any(part.gated for part in vectors.neurons.parts)
        kept = promoting(rows, gated)
        neurons = tuple((row.layer, row.neuron) for row in kept)
        cosines = tuple(row.cosine for row in kept)
        listed = NeuronList(neurons, cosines, self.source.fingerprint, vectors.neurons.sizes)
        write_neurons(folder / "neurons.json", listed)
        return ProbeVectorsResult(
            model=settings.model,
            probe=str(settings.probe),
            place=self.probe.site.place,
            neurons=vectors.neurons.total,
            gated=gated,
            prompts=prompts,
            tokens=tokens,
            rejected=self.rejects.count,
            by_chance=float(np.quantile(ranked.largest, 0.95)),
            kept=len(kept),
            vectors=rows,
            components=made,
            layers=layer_rows(ranked, sides.get("toward", []), sides.get("away", [])),
        )

    def _sides(self, ranked: Ranked) -> dict[str, list[Neuron]]:
        if self.given is not None:
            return {"given": list(self.given.neurons)}
        k, each = self.settings.top, self.settings.per_layer
        return {"toward": ranked.top(k, each), "away": ranked.top(k, each, sign=-1)}
