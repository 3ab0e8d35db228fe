"""The settings of the other commands that take part."""

from dataclasses import dataclass

from detox_cli.settings.eval_generation import EvalGenerationSettings


@dataclass(frozen=True)
class Stages:
    """What other commands would do, with the base, prompts and places filled in.

    Attributes:
        measure: How ``eval generation`` would measure the base, and so every candidate.
    """

    measure: EvalGenerationSettings
