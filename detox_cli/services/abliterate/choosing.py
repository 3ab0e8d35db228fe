"""From settings to how a direction is chosen."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from detox_cli.errors import BadData
from detox_cli.models.direction_file import Measured
from detox_cli.models.removal import Mode, Removal
from detox_cli.output.progress import Silent
from detox_cli.scoring.instruction_refusals import declines
from detox_cli.scoring.load import load_text_scorer
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.scoring.suites.load import scorers_instead, scorers_of
from detox_cli.services.abliterate.affine import check_constants, constants_of
from detox_cli.services.abliterate.choice.behaviour import toxicity_of_answers
from detox_cli.services.abliterate.choice.choose import Choice, Choosing, choose
from detox_cli.services.abliterate.choice.ranking import Limits
from detox_cli.services.abliterate.choice.scores import Behaviour
from detox_cli.services.abliterate.choice.search import Found, Searching, search
from detox_cli.services.abliterate.contrast.contrasts import Prompt
from detox_cli.services.abliterate.contrast.make import asking
from detox_cli.services.abliterate.measure import token_ids
from detox_cli.services.abliterate.recipe import strengths_of

if TYPE_CHECKING:
    from detox_cli.services.abliterate.flow import Run


def choosing_of(run: "Run", measured: Measured) -> Choosing:
    """What is tried, and what candidates must keep to."""
    settings, layers = run.settings, measured.layers
    return Choosing(
        modes=_modes(run, measured),
        directions=settings.directions,
        strengths=strengths_of(settings, layers),
        limits=Limits(
            kl=settings.choose_kl,
            induce=settings.choose_induce,
            depth=settings.choose_depth,
            separation=settings.choose_separation,
        ),
        tied=settings.tied,
        mask_massive=settings.mask_massive,
        anyway=settings.best_anyway,
        batch_tokens=settings.batch_tokens,
    )


def _modes(run: "Run", measured: Measured) -> tuple[Mode, ...]:
    """The modes to try; affine is left out, aloud, where no place allows for it.

    Raises:
        BadData: It is the only one.
    """
    settings = run.settings
    if "affine" not in settings.mode:
        return settings.mode
    deep = [
        layer for layer in range(measured.layers) if (layer + 1) / measured.layers < settings.choose_depth
    ]
    constants = constants_of(measured, settings.mask_massive)[:, deep]
    try:
        check_constants(constants, run.base.checkpoint, run.base.anatomy)
    except BadData as error:
        others = tuple(mode for mode in settings.mode if mode != "affine")
        if not others:
            raise
        run.progress.warn(f"{error}; it is not tried")
        return others
    return settings.mode


def chosen_removal(run: "Run", measured: Measured) -> tuple[Removal, dict[str, Any], dict[str, Any]]:
    """The removal that does best, where it comes from, and the table of all candidates."""
    engine = run.base.engine
    positive, negative = (
        _to_answer(side.val, run) for side in (run.contrast.positive, run.contrast.negative)
    )
    choice = choose(
        engine.model,
        run.base.loaded_anatomy,
        measured,
        token_ids(run.base.reader, positive),
        token_ids(run.base.reader, negative),
        engine.stop_tokens(chat=not run.settings.raw),
        choosing_of(run, measured),
        run.progress,
        run.stages.once,
        _behaviour(run, positive),
    )
    table: dict[str, Any] = {"candidates": [scores.model_dump(mode="json") for scores in choice.candidates]}
    if not run.settings.search:
        return choice.removal, choice.origin(), table
    removal, found = _searched(run, choice)
    table["trials"] = [trial.model_dump(mode="json", exclude={"memory"}) for trial in found.trials]
    left, divergence = found.best.values
    why = f"of {len(found.trials)} trials number {found.best.number} leaves {left:.1%} of the "
    why += f"{choice.scorer.named} at a divergence of {divergence:.3f} on answers"
    return removal, {"chosen": "by search", "why": why, "strengths": found.best.params}, table


def _to_answer(prompts: Sequence[Prompt], run: "Run") -> Sequence[Prompt]:
    """What the model answers while candidates are tried; of raw text the first halves, as nothing follows a
    sentence that is complete.
    """
    raw = run.contrast.kind == "toxicity" and run.settings.raw
    return [replace(prompt, prompt=first_half(prompt.text)) for prompt in prompts] if raw else prompts


def first_half(text: str) -> str:
    """The first half of the words of a text, of a single word all."""
    words = text.split()
    return " ".join(words[: max(1, len(words) // 2)])


def _behaviour(run: "Run", prompts: Sequence[Prompt]) -> Behaviour | None:
    """What is to be removed, measured in what the model writes; ``None`` for refusals, which show earlier."""
    settings = run.settings
    if run.contrast.kind != "toxicity":
        return None
    spec = scorers_of(DETOX, scorers_instead(settings))["sta"]
    scorer = load_text_scorer(spec, device=settings.device)
    return toxicity_of_answers(run.base.engine, prompts, scorer, settings.seed)


def _searched(run: "Run", choice: Choice) -> tuple[Removal, Found]:
    """What a search finds beyond the single candidates."""
    settings, prompts = run.settings, run.contrast.positive.val
    how = Searching(
        trials=settings.search,
        modes=tuple(mode for mode in settings.mode if mode != "affine"),
        sampler=settings.search_sampler,
        seed=settings.seed,
        limit=settings.search_kl,
    )

    def count() -> float:
        if choice.scorer.behaviour is not None:
            return choice.scorer.behaviour() / choice.scorer.usual
        answers = asking(run.base.engine, None, Silent())(prompts)
        return sum(declines(text) for text in answers.values()) / len(prompts)

    return search(
        choice.scorer,
        choice.candidates,
        how,
        run.progress,
        journal=run.stages.scratch() / "trials.journal",
        refusals=count if settings.search_answers or choice.scorer.behaviour else None,
    )
