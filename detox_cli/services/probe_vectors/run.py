"""``detox probe vectors``: rank every value vector of a model beside a probe."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from detox_cli.data.readers.prompt import Prompt
from detox_cli.data.rejects import Rejects
from detox_cli.models.directions import Floats
from detox_cli.models.neurons.listing import NeuronList, read_neurons, write_neurons
from detox_cli.models.neurons.moments import KINDS, Streaming
from detox_cli.models.neurons.parts import Neuron, Neurons
from detox_cli.models.neurons.ranking import Ranked, rank
from detox_cli.models.neurons.reading import Sink, read_written
from detox_cli.models.neurons.sums import ChosenSums
from detox_cli.models.probes.files import read_probe
from detox_cli.models.probes.probe import LinearProbe
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.manifest import fingerprint
from detox_cli.services.probe.kept import files_read, kept_folder, model_record
from detox_cli.services.probe.means import PerText
from detox_cli.services.probe.opened import (
    Opened,
    of_other_weights,
    open_neurons,
    random_like,
    seen_in_stream,
    warn_of_another_model,
)
from detox_cli.services.probe.prompts import asked_of, prompts_of
from detox_cli.services.probe.steps import Steps
from detox_cli.services.probe_retrieval.parallel import by_language, inputs_of
from detox_cli.services.probe_vectors.languages import TagCheck, TokenLanguages, count_tokens
from detox_cli.services.probe_vectors.picture import write_pictures
from detox_cli.services.probe_vectors.result import ProbeVectorsResult, VectorRow
from detox_cli.services.probe_vectors.rows import (
    Read,
    Speech,
    component_rows,
    layer_rows,
    promoting,
    vector_rows,
)
from detox_cli.services.probe_vectors.tokens import CHANCE, TokenRow, spread_of, token_rows
from detox_cli.settings.probe_vectors import ProbeVectorsSettings

SILENT = Silent()
NOT_DECISIVE = {
    *("output", "overwrite", "batch_tokens", "device", "password"),
    *("probe", "neurons", "prompts", "parallel"),
}


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
        files, password = settings.parallel, settings.password
        sentences = [row for file in files for row in by_language(file, password, rejects)]
        identity = fingerprint(
            command="probe vectors",
            settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
            model=source.fingerprint,
            probe=[probe.direction.tolist(), probe.site.place],
            given=given and given.neurons,
            prompts=[(prompt.id, prompt.text) for prompt in prompts],
            sentences=sentences,
        )
        work = _Work(settings, source, probe, given, prompts, sentences, identity, rejects, progress)
        result = kept_folder(
            settings,
            settings.output,
            settings.overwrite,
            "probe vectors",
            identity,
            ProbeVectorsResult,
            work.fill,
            progress,
            inputs=[*files_read(settings.probe, settings.neurons, settings.prompts), *inputs_of(files)],
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
        sentences: list[dict[str, str]],
        identity: str,
        rejects: Rejects,
        progress: Progress,
    ) -> None:
        self.settings, self.source, self.probe, self.given = settings, source, probe, given
        self.prompts, self.sentences, self.identity = prompts, sentences, identity
        self.rejects, self.progress = rejects, progress
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
            warn_of_another_model(self.given, self.source, progress)
        progress.stage(f"comparing {neurons.total} value vectors")
        ranked = rank(
            opened.vectors, direction, random_like(opened, self.probe, settings.random, settings.seed)
        )
        sides = self._sides(ranked)
        read = self._read(opened, [neuron for chosen in sides.values() for neuron in chosen])
        result, tokens = self._result(opened, ranked, sides, direction, read, folder)
        write_pictures(result, tokens, folder, progress)
        return result

    def _result(
        self,
        opened: Opened,
        ranked: Ranked,
        sides: Mapping[str, list[Neuron]],
        direction: Floats,
        read: Read,
        folder: Path,
    ) -> tuple[ProbeVectorsResult, list[TokenRow]]:
        """The report, and every token of a listed vector; the lists are written."""
        settings, neurons = self.settings, opened.vectors.neurons
        languages, tags = self._languages(opened)
        speech = Speech(opened.model, opened.loaded.tokenizer, settings.words)
        words = {side: speech.say_of(opened.vectors, chosen) for side, chosen in sides.items()}
        words[CHANCE] = speech.say_of(opened.vectors, self._by_chance(neurons))
        made, found, described = component_rows(
            settings.components, settings.component_vectors, ranked, opened.vectors, direction, speech
        )
        components = np.ascontiguousarray(found)
        save_file({"probe": direction, "components": components}, folder / "directions.safetensors")
        rows = [
            row
            for side, chosen in sides.items()
            for row in vector_rows(side, chosen, ranked, words[side], read)
        ]
        kept = promoting(rows, neurons.gated)
        self._list(kept, neurons.sizes, folder)
        draws = (settings.seed, settings.resamples)
        result = ProbeVectorsResult(
            model=settings.model,
            probe=str(settings.probe),
            place=self.probe.site.place,
            neurons=neurons.total,
            gated=neurons.gated,
            prompts=read.prompts,
            tokens=read.tokens,
            rejected=self.rejects.count,
            by_chance=float(np.quantile(ranked.largest, 0.95)),
            kept=len(kept),
            vectors=rows,
            components=made,
            notes=of_other_weights(self.source, self.probe, self.given),
            layers=layer_rows(ranked, sides.get("toward", []), sides.get("away", [])),
            spreads=[spread_of(side, one, languages, *draws) for side, one in words.items() if one],
            tags=tags,
        )
        tokens = [
            row
            for side in sides
            for row in token_rows(side, range(1, len(words[side]) + 1), words[side], languages)
        ]
        tokens += token_rows("component", range(len(described)), described, languages)
        return result, tokens

    def _languages(self, opened: Opened) -> tuple[TokenLanguages | None, list[TagCheck]]:
        """In which languages tokens occur, if somebody says so."""
        if not self.settings.parallel:
            return None, []
        settings, tokenizer = self.settings, opened.loaded.tokenizer
        self.progress.stage(f"counting the tokens of {len(self.sentences)} parallel rows")
        draws = (settings.seed, settings.resamples)
        return count_tokens(self.sentences, tokenizer, len(tokenizer), *draws)

    def _by_chance(self, neurons: Neurons) -> list[Neuron]:
        """As many neurons of all as there are random directions."""
        draw = np.random.default_rng(self.settings.seed)
        places = draw.choice(neurons.total, min(self.settings.random, neurons.total), replace=False)
        return [neurons.at(int(place)) for place in np.sort(places)]

    def _list(self, kept: Sequence[VectorRow], sizes: tuple[int, ...], folder: Path) -> None:
        """Write ``neurons.json``."""
        listed = tuple((row.layer, row.neuron) for row in kept)
        cosines = tuple(row.cosine for row in kept)
        source = self.source
        found = NeuronList(listed, cosines, source.fingerprint, sizes, source.name)
        write_neurons(folder / "neurons.json", found)

    def _read(self, opened: Opened, listed: Sequence[Neuron]) -> Read:
        """Statistics of all neurons, and the means of those that are listed, while the model writes."""
        if not self.prompts:
            return Read()
        settings, neurons = self.settings, opened.vectors.neurons
        asked = asked_of(opened.loaded, self.prompts, settings.max_new_tokens, self.rejects)
        self.progress.stage(f"continuing {len(asked)} prompts")
        self.steps = Steps(settings.output, self.identity)
        texts = self.steps.written(
            "base", opened.loaded, asked, settings.max_new_tokens, settings.batch_tokens
        )
        streams = {kind: Streaming(neurons, kind) for kind in (KINDS if neurons.gated else KINDS[:1])}
        single = ChosenSums(neurons, listed, len(texts))
        sinks: list[Sink] = [*streams.values(), single]
        with self.progress.task("reading continuations", len(texts)) as task:
            read_written(
                opened.model, neurons, texts, sinks, settings.batch_tokens, neurons.gated, task.advance
            )
        counts, units = [text.count for text in texts], {one.id: one.unit for one in self.prompts}
        told = PerText(single.sums.numpy(), np.array(counts, np.float64), [units[one.id] for one in asked])
        means = dict(zip(listed, told.means(settings.seed, settings.resamples), strict=True))
        moments = {kind: stream.moments() for kind, stream in streams.items()}
        return Read(len(texts), sum(counts), moments, means)

    def _sides(self, ranked: Ranked) -> dict[str, list[Neuron]]:
        if self.given is not None:
            return {"given": list(self.given.neurons)}
        k, each = self.settings.top, self.settings.per_layer
        return {"toward": ranked.top(k, each), "away": ranked.top(k, each, sign=-1)}
