"""From settings to how a direction is chosen."""

from typing import TYPE_CHECKING, Any

from detox_cli.models.direction_file import Measured
from detox_cli.models.removal import Removal
from detox_cli.services.abliterate.choose import Choosing, choose
from detox_cli.services.abliterate.measure import token_ids
from detox_cli.services.abliterate.ranking import Limits
from detox_cli.services.abliterate.recipe import strengths_of

if TYPE_CHECKING:
    from detox_cli.services.abliterate.flow import Run


def choosing_of(run: "Run", layers: int) -> Choosing:
    """What is tried, and what candidates must keep to."""
    settings = run.settings
    return Choosing(
        modes=settings.mode,
        directions=settings.directions,
        strengths=strengths_of(settings, layers),
        limits=Limits(kl=settings.choose_kl, induce=settings.choose_induce, depth=settings.choose_depth),
        tied=settings.tied,
        mask_massive=settings.mask_massive,
        anyway=settings.best_anyway,
        batch_tokens=settings.batch_tokens,
    )


def chosen_removal(run: "Run", measured: Measured) -> tuple[Removal, dict[str, Any], dict[str, Any]]:
    """The removal that does best, where it comes from, and the table of all candidates."""
    engine, contrast = run.base.engine, run.contrast
    choice = choose(
        engine.model,
        run.base.loaded_anatomy,
        measured,
        token_ids(run.base.reader, contrast.positive.val),
        token_ids(run.base.reader, contrast.negative.val),
        engine.stop_tokens(chat=not run.settings.raw),
        choosing_of(run, measured.layers),
        run.progress,
        run.stages.once,
    )
    table = {"candidates": [scores.model_dump(mode="json") for scores in choice.candidates]}
    return choice.removal, choice.origin(), table
