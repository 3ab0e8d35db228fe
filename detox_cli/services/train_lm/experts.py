"""One model for each part of the texts, and the folder that holds them all."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from detox_cli.output.progress import Progress
from detox_cli.services.train_lm.data import Texts
from detox_cli.services.train_lm.folder import LmRun, expert_card
from detox_cli.services.train_lm.parts import Part, cut, overlap
from detox_cli.services.train_lm.result import LmResult
from detox_cli.services.train_lm.single import LM, result_of
from detox_cli.services.training.apart import Crew
from detox_cli.services.training.processes import training_folder
from detox_cli.services.training.several_runs import Member, member_settings, train_several
from detox_cli.services.training.waiting import put_into
from detox_cli.settings.train_lm import LmSettings


def train_parts(settings: LmSettings, texts: Texts, progress: Progress, crew: Crew) -> LmResult:
    """Train one model on each part, with the same seed, as published, and put all into ``settings.output``.

    The held-out texts are the same for all parts, and in none of them.

    Args:
        settings: Of the run.
        texts: All texts.
        progress: Told what happens.
        crew: The processes that share the parts.
    """
    parts = cut(texts.training, settings.split)
    members = [
        Member(
            f"part {part.number}",
            member_settings(settings, f"part-{part.number}", split=1),
            replace(texts, training=part.texts, whole=settings),
        )
        for part in parts
    ]
    return train_several(LM, settings, texts, members, partial(_assemble, parts), LmResult, progress, crew)


def _assemble(parts: Sequence[Part], run: LmRun, folder: Path, results: Sequence[LmResult]) -> None:
    """The folder of all parts, with card and manifest."""
    names = [f"part-{part.number}" for part in parts]
    experts = [
        result.experts[0].model_copy(update={"folder": name})
        for name, result in zip(names, results, strict=True)
    ]
    result = result_of(run.settings, run.data, experts, overlap(parts, run.data.held_out))
    put_into(folder, [training_folder(run.settings.output) / name for name in names])
    run.write_card(folder, expert_card(run.settings, result))
    run.describe(folder, result, run.settings.data)
