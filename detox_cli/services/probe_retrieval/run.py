"""``detox probe retrieval``: parallel sentences and a model in, how well each finds its translation out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detox_cli.data.rejects import Rejects
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.manifest import fingerprint, manifest_path
from detox_cli.services.probe.features import Features, features_of
from detox_cli.services.probe.kept import kept_folder, model_record
from detox_cli.services.probe_retrieval.effect import (
    check_enough,
    correlations,
    effect_in,
    effects_of,
    without_effect,
)
from detox_cli.services.probe_retrieval.nearest import MEASURES, Floats, intervals, retrieval
from detox_cli.services.probe_retrieval.parallel import Pairs, inputs_of, read_parallel
from detox_cli.services.probe_retrieval.pictures import write_pictures
from detox_cli.services.probe_retrieval.result import LanguageRetrieval, LayerRetrieval, ProbeRetrievalResult
from detox_cli.settings.probe_retrieval import ProbeRetrievalSettings
from detox_cli.statistics.bootstrap import Estimate

SILENT = Silent()
NOT_DECISIVE = {
    *("data", "output", "overwrite", "rejects", "strict", "limit", "password", "features", "effect"),
    *("device", "batch_tokens"),
}
CORRELATED = ("p1", "p1_centred", "p1_csls", "mrr", "cosine")
"""The measures that are held against the effect."""


def run(settings: ProbeRetrievalSettings, progress: Progress = SILENT) -> ProbeRetrievalResult:
    """Read every sentence once, and look at each layer which sentence lies nearest to which.

    A killed run goes on where it was reading; one that is finished does nothing.

    Raises:
        BadData: A file cannot be read, a language has no parallel rows, or effects cannot be used.
        BadSettings: There is no such place in the model, or something else is at the output.
        Missing: There is no such model.
    """
    path = settings.rejects or settings.output.with_name(settings.output.name + ".rejects.jsonl")
    with Rejects(path, settings.strict) as rejects:
        pairs = read_parallel(
            settings.data,
            settings.pivot.lower(),
            settings.languages,
            settings.limit,
            settings.password,
            rejects,
        )
        effects: dict[str, float] = {}
        if settings.effect:
            effects = effects_of(settings.effect, settings.seed, settings.resamples)
            check_enough([one.lang for one in pairs], effects)
        source = find_model(settings.model, settings.revision)
        identity = fingerprint(
            command="probe retrieval",
            pairs=[(one.lang, one.texts) for one in pairs],
            effects=effects,
            settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
            model=[source.revision, source.fingerprint],
        )
        work = _Work(settings, source, pairs, effects, progress)
        return kept_folder(
            settings,
            settings.output,
            settings.overwrite,
            "probe retrieval",
            identity,
            ProbeRetrievalResult,
            work.fill,
            progress,
            inputs=_inputs(settings),
            models={"model": model_record(source)},
            rejects=rejects,
        )


def _inputs(settings: ProbeRetrievalSettings) -> list[str | Path]:
    """What a manifest lists: of a file in a zip the zip, of a folder of measurements its manifest."""
    files = inputs_of(settings.data)
    told = [Path(file) for file in settings.effect]
    return list(dict.fromkeys([*files, *(manifest_path(path) if path.is_dir() else path for path in told)]))


@dataclass(frozen=True)
class _Work:
    """What is to be measured, and with what."""

    settings: ProbeRetrievalSettings
    source: ModelSource
    pairs: Sequence[Pairs]
    effects: Mapping[str, float]
    progress: Progress

    def fill(self, folder: Path) -> ProbeRetrievalResult:
        """Read, measure, and draw into the folder."""
        texts = _texts(self.pairs)
        with features_of(self.settings, self.source, texts, texts, self.progress) as features:
            result = _measured(self.settings, self.pairs, features, self.effects, self.progress)
            write_pictures(result, folder, self.progress)
            return result


def _texts(pairs: Sequence[Pairs]) -> list[str]:
    """Every sentence once, also where several languages are translations of it."""
    return list(dict.fromkeys(text for one in pairs for pair in one.texts for text in pair))


def _measured(
    settings: ProbeRetrievalSettings,
    pairs: Sequence[Pairs],
    features: Features,
    effects: Mapping[str, float],
    progress: Progress,
) -> ProbeRetrievalResult:
    places = {text: place for place, text in enumerate(_texts(pairs))}
    names = [place.name for place in features.places]
    averaged = _averaged(features)
    layers: list[LayerRetrieval] = []
    languages: list[LanguageRetrieval] = []
    progress.stage(f"retrieving translations in {len(pairs)} languages at {len(names)} places")
    with progress.task("languages", len(pairs)) as task:
        for one in pairs:
            rows = [[places[text] for text in side] for side in zip(*one.texts, strict=True)]
            found = [
                retrieval(
                    features.at(place)[rows[0]], features.at(place)[rows[1]], settings.neighbours
                ).values
                for place in features.places
            ]
            own = [
                LayerRetrieval(lang=one.lang, place=name, figures=_figures(values, settings))
                for name, values in zip(names, found, strict=True)
            ]
            layers += own
            mean = {
                name: np.mean([found[names.index(p)][name] for p in averaged], axis=0) for name in MEASURES
            }
            languages.append(
                LanguageRetrieval(
                    lang=one.lang,
                    pairs=len(one.texts),
                    repeated=one.repeated,
                    figures=_figures(mean, settings),
                    best=max(own, key=lambda layer: layer.figures["p1_centred"].mean).place,
                    effect=effect_in(one.lang, effects),
                )
            )
            task.advance()
    if effects and (silent := without_effect([one.lang for one in pairs], effects)):
        progress.warn(f"no effect is known in {', '.join(silent)}, so these count in no correlation")
    measured = {name: {one.lang: one.figures[name].mean for one in languages} for name in CORRELATED}
    return ProbeRetrievalResult(
        model=settings.model,
        pivot=settings.pivot,
        pooling=settings.pooling,
        places=names,
        averaged=averaged,
        languages=languages,
        layers=layers,
        correlations=correlations(measured, effects) if effects else [],
    )


def _averaged(features: Features) -> list[str]:
    """The hidden states as transformers counts them: of the last block only what the final norm makes."""
    last = str(features.layers - 1)
    names = [place.name for place in features.places]
    return [name for name in names if name != last or "final" not in names]


def _figures(values: Mapping[str, Floats], settings: ProbeRetrievalSettings) -> dict[str, Estimate]:
    found = intervals([values[name] for name in MEASURES], settings.seed, settings.resamples)
    return dict(zip(MEASURES, found, strict=True))
