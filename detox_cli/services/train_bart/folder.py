"""The folder of a finished rewriter: weights, tokenizer, generation config, card, journal and manifest."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import GenerationConfig

from detox_cli.models.loading import Loaded
from detox_cli.runs.atomic import atomic_folder
from detox_cli.runs.card import Card, Figure
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.services.repeating import command_again, without_place
from detox_cli.services.train_bart.data import Data
from detox_cli.services.train_bart.families import first_tokens
from detox_cli.services.train_bart.files import FileRows
from detox_cli.services.train_bart.result import BartResult
from detox_cli.services.training.folder import OF_THE_MACHINE, recipe_told
from detox_cli.services.training.leaks import Leak, leak_text
from detox_cli.services.training.log import write_log
from detox_cli.services.training.single_run import Run
from detox_cli.settings.train import BartSettings

COMMAND = "train bart"
NOT_TOLD = OF_THE_MACHINE | {"pairs"}
BartRun = Run[BartSettings, Data]
LIMITS = (
    "It repeats what its training pairs do: it keeps toxicity that they keep, and drops what they drop.",
    "It can turn a sentence into one that its writer would not sign; show people what was changed.",
)


def generation_config(settings: BartSettings, loaded: Loaded, limit: int) -> GenerationConfig:
    """How the model writes, stated in full, so that nothing is inherited unseen from where it came from."""
    config = GenerationConfig.from_dict(loaded.model.generation_config.to_dict())
    config.update(
        num_beams=settings.num_beams,
        do_sample=False,
        temperature=None,
        top_p=None,
        top_k=None,
        max_length=None,
        max_new_tokens=min(settings.max_new_tokens, limit),
        no_repeat_ngram_size=settings.no_repeat_ngram_size,
        length_penalty=settings.length_penalty,
        early_stopping=settings.num_beams > 1,
        **first_tokens(loaded),
    )
    return config


def save_rewriter(
    run: BartRun,
    loaded: Loaded,
    result: BartResult,
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
        scorers: Identities of the scorers, by what they measure.
        weights: The state dict, where the model itself holds only a part of it.

    Raises:
        DetoxError: The disk is full.
    """
    settings = run.settings
    with atomic_folder(settings.output, overwrite=settings.overwrite) as folder:
        loaded.model.save_pretrained(folder, state_dict=weights)
        loaded.tokenizer.save_pretrained(folder)
        write_log(folder, log)
        run.write_card(folder, _card(settings, result, scorers))
        run.describe(folder, result, [*settings.pairs, *settings.abstain, *settings.held_out], scorers)


def _card(settings: BartSettings, result: BartResult, scorers: Mapping[str, str]) -> Card:
    figures = [
        Figure(_figure_name(name, scorers), e.mean, e.low, e.high, e.n, result.measured_on)
        for name, e in result.quality.get("model", {}).items()
    ]
    return rewriter_card(settings, result.files_read, result.leaks, figures)


def rewriter_card(
    settings: BartSettings,
    files: Sequence[FileRows],
    leaks: Sequence[Leak],
    figures: Sequence[Figure],
    sections: Mapping[str, str] | None = None,
) -> Card:
    """What a card says about a rewriter, be it trained once or with several seeds."""
    sections = {**(sections or {}), "Sources in two places": leak_text(leaks)}
    if settings.abstain:
        sections["Declining"] = (
            f"For a source that cannot be rewritten it answers `{settings.abstain_text}`, learnt from "
            f"sources that people declined for: {', '.join(settings.abstain_reasons)}."
        )
    shown = ("epochs", "learning_rate", "batch_size", "max_length", "hold_out", "num_beams")
    return Card(
        name=settings.output.name,
        summary="Rewrites a toxic sentence into a neutral one with the same meaning.",
        base_models=[settings.model],
        datasets=[_dataset(file) for file in files],
        tags=["detoxification", "text-style-transfer"],
        task="text2text-generation",
        figures=figures,
        training=recipe_told(settings, shown),
        sections=sections,
        limits=LIMITS,
        command=_command(settings),
    )


def _dataset(file: FileRows) -> str:
    """A file in the words of a card."""
    return f"{file.name} ({file.origin}, {file.trained_on} pairs, {file.weight:g} passes in an epoch)"


def _command(settings: BartSettings) -> str:
    """The command without what only concerns the machine that it ran on."""
    words = ["detox", "train", "bart", *map(without_place, settings.pairs)]
    words += ["--model", without_place(settings.model)]
    return command_again(words, settings, NOT_TOLD, ("abstain", "held_out"), settings.output)


def _figure_name(name: str, scorers: Mapping[str, str]) -> str:
    if name == "J":
        return f"J (suite {DETOX.title}, mean of products)"
    return f"{name} ({scorers[name]})" if name in scorers else name
