"""The settings of the other commands that take part."""

from dataclasses import dataclass

from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.settings.train_lm import LmSettings


@dataclass(frozen=True)
class Stages:
    """What other commands would do, with the base, prompts and places filled in.

    Attributes:
        measure: How ``eval generation`` would measure the base, and so every candidate.
        train: How ``train lm`` would train experts; ``None`` where they are there.
    """

    measure: EvalGenerationSettings
    train: LmSettings | None = None
