"""The folder of a finished detector: weights, tokenizer, sides of the split, card, log and manifest."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from detox_cli.models.loading import Loaded
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.card import Card, Figure
from detox_cli.scoring.spans.encoding import as_it_was
from detox_cli.services.repeating import command_again, without_place
from detox_cli.services.train_spans.data import Posts
from detox_cli.services.train_spans.result import MODEL, SpansResult
from detox_cli.services.training.folder import OF_THE_MACHINE, recipe_told
from detox_cli.services.training.log import write_log
from detox_cli.services.training.single_run import Run
from detox_cli.settings.train_spans import SpansSettings

COMMAND = "train spans"
SpansRun = Run[SpansSettings, Posts]
SPLIT = "split.jsonl"
"""Which text is on which side, by its place and the hash of its text."""
LIMITS = (
    "It marks words as the people did whose marks it learnt: it misses what is toxic without a rude word, "
    "and marks rude words that hurt nobody.",
    "A text with no marked word is not shown to be harmless.",
)


def save_detector(
    run: SpansRun,
    loaded: Loaded,
    result: SpansResult,
    log: Sequence[Mapping[str, Any]],
    scorers: Mapping[str, str],
    weights: Mapping[str, Any] | None,
) -> None:
    """Write the folder beside its place and rename it.

    Args:
        run: Of the command.
        loaded: The trained model with its tokenizer.
        result: What goes into card and manifest.
        log: Of the training.
        scorers: Identities of the baselines.
        weights: The state dict, where the model itself holds only a part of it.

    Raises:
        DetoxError: The disk is full.
    """
    settings = run.settings
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        loaded.model.save_pretrained(folder, state_dict=weights)
        as_it_was(loaded.tokenizer).save_pretrained(folder)
        lines = (json.dumps(record) + "\n" for record in run.data.ids())
        (folder / SPLIT).write_text("".join(lines), encoding="utf-8")
        write_log(folder, log)
        figures = [
            Figure(f"character {name}", e.mean, e.low, e.high, e.n, result.measured_on)
            for name, e in result.quality.get(MODEL, {}).items()
        ]
        run.write_card(folder, detector_card(settings, result, figures))
        run.describe(folder, result, [*settings.data, *settings.test], scorers)


def detector_card(
    settings: SpansSettings,
    result: SpansResult,
    figures: Sequence[Figure],
    sections: Mapping[str, str] | None = None,
) -> Card:
    """What a card says about a detector, be it trained once or with several seeds."""
    shown = ("head", "epochs", "learning_rate", "batch_size", "max_length", "toxic_weight")
    own = {"threshold": result.threshold, "weights": result.parameters}
    return Card(
        name=settings.output.name,
        summary="Marks the toxic words of a text, by their characters: load it with `detox`, or as a token "
        "classifier whose class `toxic` counts from the threshold on.",
        base_models=[settings.model],
        datasets=[f"{file.name} ({file.with_spans} texts with spans)" for file in result.files_read],
        tags=["toxic-spans", "detoxification"],
        task="token-classification",
        figures=figures,
        training=recipe_told(settings, shown) | own,
        sections={**(sections or {}), "Beside it": _baselines(result), "Texts": _texts(result)},
        limits=LIMITS,
        command=_command(settings),
    )


def _baselines(result: SpansResult) -> str:
    return "\n".join(
        f"- {system}: character F1 {result.quality[system]['f1']}; this model is ahead by {ahead}."
        for system, ahead in result.ahead.items()
    )


def _texts(result: SpansResult) -> str:
    lines = [f"- {count} {name}" for name, count in result.rows.items() if count]
    return "\n".join([*lines, f"\n`{SPLIT}` says which text is on which side."])


def _command(settings: SpansSettings) -> str:
    words = ["detox", "train", "spans", without_place(settings.model)]
    return command_again(words, settings, OF_THE_MACHINE, ("data", "test"), settings.output)
