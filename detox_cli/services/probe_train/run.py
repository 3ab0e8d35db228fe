"""``detox probe train``: a model and labelled texts in, linear probes with controls out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detox_cli.data.named import named_file
from detox_cli.data.rejects import Rejects
from detox_cli.data.writing import write_rows
from detox_cli.models.activations.pooled import Place
from detox_cli.models.probes.files import NAME, save_probe
from detox_cli.models.probes.probe import LinearProbe, ProbeSite
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress, Silent
from detox_cli.services.probe.features import Features, features_of
from detox_cli.services.probe.kept import kept_folder, model_record
from detox_cli.services.probe_train.controls import random_directions, shuffled_labels
from detox_cli.services.probe_train.figures import area, balanced_part, figures_of
from detox_cli.services.probe_train.fitting import Fitted, Part, fit_probe
from detox_cli.services.probe_train.given import Given, given_of, parts_of
from detox_cli.services.probe_train.pictures import write_pictures
from detox_cli.services.probe_train.result import LayerProbe, ProbeTrainResult
from detox_cli.services.probe_train.splitting import Bools, Split
from detox_cli.services.probe_train.transfer import transfers
from detox_cli.settings.probe_train import ProbeTrainSettings

SILENT = Silent()


def run(settings: ProbeTrainSettings, progress: Progress = SILENT) -> ProbeTrainResult:
    """Read the texts' hidden states once, fit a probe at every place, and measure it beside its controls.

    A killed run goes on where it was reading; one that is finished does nothing.

    Raises:
        BadData: Texts or labels cannot be used, or there are too few of a label.
        BadSettings: There is no such place in the model, or something else is at the output.
        Missing: There is no such model or file.
    """
    path = settings.rejects or settings.output.with_name(settings.output.name + ".rejects.jsonl")
    with Rejects(path, settings.strict) as rejects:
        given = given_of(settings, rejects)
        work = _Work(settings, given, rejects, progress)
        return kept_folder(
            settings,
            settings.output,
            settings.overwrite,
            "probe train",
            given.fingerprint,
            ProbeTrainResult,
            work.fill,
            progress,
            inputs=[named_file(file)[1] for file in (*settings.data, *settings.test)],
            models={"model": model_record(given.source)},
            rejects=rejects,
        )


@dataclass(frozen=True)
class _Work:
    """What is to be done, and with what."""

    settings: ProbeTrainSettings
    given: Given
    rejects: Rejects
    progress: Progress

    def fill(self, folder: Path) -> ProbeTrainResult:
        """Read states, fit and measure probes, and write everything into a new folder; no texts are kept."""
        settings, given = self.settings, self.given
        texts, names = [row.text for row in given.rows], [row.where for row in given.rows]
        parts = parts_of(settings, given)
        with features_of(settings, given.source, texts, names, self.progress) as features:
            found = _probes(settings, given, parts, features, self.rejects.count, self.progress)
            result, probes, records = found
            save_probe(folder / NAME, probes[result.chosen])
            for layer in result.layers:
                save_probe(folder / layer.file, probes[layer.place])
            write_rows(folder / "rows.jsonl", records)
            write_pictures(result, folder, self.progress)
            return result


def _probes(
    settings: ProbeTrainSettings,
    given: Given,
    parts: Split,
    features: Features,
    rejected: int,
    progress: Progress,
) -> tuple[ProbeTrainResult, dict[str, LinearProbe], list[dict[str, object]]]:
    """The report, the probe of every place, and a record for each text."""
    toxic = given.toxic
    found: dict[str, Fitted] = {}
    layers: list[LayerProbe] = []
    progress.stage(f"fitting probes at {len(features.places)} places")
    with progress.task("places", len(features.places)) as task:
        for place in features.places:
            fitted, layer = _at(settings, _parts_of(features, place, toxic, parts), place)
            found[place.name] = fitted
            layers.append(layer)
            task.advance()
    best = max(layers, key=lambda one: one.validation_auroc)
    chosen = next(place for place in features.places if place.name == best.place)
    train, validation, test = _parts_of(features, chosen, toxic, parts)
    penalty = found[best.place].l2
    result = ProbeTrainResult(
        model=settings.model,
        method=settings.method,
        pooling=settings.pooling,
        texts={
            "train": int(parts.train.sum()),
            "validation": int(parts.validation.sum()),
            "test": int(parts.test.sum()),
            "dropped": parts.dropped,
            "cut": features.cut,
            "rejected": rejected,
        },
        layers=layers,
        chosen=best.place,
        shuffled=shuffled_labels(settings, train, validation, test, penalty, progress),
        transfers=transfers(settings, given.rows, features.at(chosen), parts, penalty, progress),
    )
    probes = {
        place.name: _probe(settings, given.source, features, place, found[place.name], layer)
        for place, layer in zip(features.places, layers, strict=True)
    }
    scores = found[best.place].fit.scores(features.at(chosen)[:])
    names = np.where(parts.train, "train", np.where(parts.validation, "validation", "dropped"))
    names = np.where(parts.test, "test", names)
    records: list[dict[str, object]] = [
        {"id": row.id, "lang": row.lang, "toxic": row.toxic, "part": str(part), "score": float(score)}
        for row, part, score in zip(given.rows, names, scores, strict=True)
    ]
    return result, probes, records


def _parts_of(features: Features, place: Place, toxic: Bools, parts: Split) -> tuple[Part, Part, Part]:
    states = features.at(place)
    masks = (parts.train, parts.validation, parts.test)
    train, validation, test = (Part(states[mask], toxic[mask]) for mask in masks)
    return train, validation, test


def _at(
    settings: ProbeTrainSettings, parts: tuple[Part, Part, Part], place: Place
) -> tuple[Fitted, LayerProbe]:
    train, validation, test = parts
    fitted = fit_probe(settings, train, validation)
    scores = fitted.fit.scores(test.states)
    half = balanced_part(test.labels, settings.seed)
    draws = (settings.seed, settings.resamples)
    return fitted, LayerProbe(
        place=place.name,
        file=f"layers/{place.name}.safetensors",
        l2=fitted.l2,
        epoch=fitted.epoch,
        converged=fitted.fit.converged,
        validation_loss=fitted.loss,
        validation_auroc=area(fitted.fit.scores(validation.states), validation.labels),
        natural=figures_of(scores, test.labels, *draws),
        balanced=figures_of(scores[half], test.labels[half], *draws),
        random=random_directions(settings, train, test),
    )


def _probe(
    settings: ProbeTrainSettings,
    source: ModelSource,
    features: Features,
    place: Place,
    fitted: Fitted,
    layer: LayerProbe,
) -> LinearProbe:
    site = ProbeSite(
        source.name,
        source.revision,
        source.fingerprint,
        features.layers,
        place.layer,
        place.after_norm,
        settings.pooling,
    )
    figures = layer.model_dump(mode="json", include={"l2", "validation_auroc", "natural", "balanced"})
    standardised = settings.method == "logistic"
    return LinearProbe(
        fitted.fit.weights,
        fitted.fit.bias,
        site,
        settings.method,
        "toxic",
        fitted.fit.mean if standardised else None,
        fitted.fit.scale if standardised else None,
        figures,
    )
