"""``detox probe retrieval``: parallel sentences and a model in, how well each finds its translation out."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from detox_cli.data.rejects import Rejects
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress, Silent
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.manifest import fingerprint, read_manifest, write_manifest
from detox_cli.runs.output import State, claim_output
from detox_cli.services.evaluation_output import markdown
from detox_cli.services.probe.features import Features, forget_features, read_features
from detox_cli.services.probe_retrieval.effect import correlations, effect_in, effects_of, without_effect
from detox_cli.services.probe_retrieval.nearest import MEASURES, Floats, intervals, retrieval
from detox_cli.services.probe_retrieval.parallel import Pairs, read_parallel
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
    started = time.time()
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
        effects = effects_of(settings.effect, settings.seed, settings.resamples) if settings.effect else {}
        source = find_model(settings.model, settings.revision)
        identity = fingerprint(
            command="probe retrieval",
            pairs=[(one.lang, one.texts) for one in pairs],
            effects=effects,
            settings=settings.model_dump(mode="json", exclude=NOT_DECISIVE),
            model=[source.revision, source.fingerprint],
        )
        with claim_output(settings.output, identity, overwrite=settings.overwrite) as claim:
            if claim.state is State.FINISHED:
                rejects.restore()
                progress.stage("this run is finished already")
                text = (settings.output / "summary.json").read_text("utf-8")
                kept = ProbeRetrievalResult.model_validate_json(text)
                return kept.model_copy(update={"files": [settings.output]})
            folder = settings.features or settings.output.with_name(settings.output.name + ".features")
            if settings.overwrite and settings.features is None:
                forget_features(folder)
            texts = _texts(pairs)
            features = read_features(settings, source, texts, texts, folder, progress)
            result = _measured(settings, pairs, features, effects, progress)
            ours = (read_manifest(settings.output) or {}).get("fingerprint") == identity
            with atomic_folder(settings.output, overwrite=settings.overwrite or ours) as output:
                summary = result.model_dump_json(indent=2, exclude={"files"}) + "\n"
                (output / "summary.json").write_text(summary, encoding="utf-8")
                (output / "summary.md").write_text(markdown(result.tables()), encoding="utf-8")
                write_pictures(result, output, progress)
                write_manifest(
                    output,
                    command="probe retrieval",
                    settings=settings.model_dump(mode="json"),
                    inputs=settings.data,
                    models={
                        "model": {
                            "name": source.name, "revision": source.revision, "hash": source.fingerprint
                        }
                    },
                    scorers={},
                    metrics=result.model_dump(mode="json", include={"languages", "correlations"}),
                    started=started,
                    fingerprint=identity,
                )  # fmt: skip
            claim.finish()
            if settings.features is None:
                forget_features(folder)
    return result.model_copy(update={"files": [settings.output]})


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
