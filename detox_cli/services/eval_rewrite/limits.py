"""The limits that a user sets on rewriting systems: ``J<0.4``, and the older form of the same, ``J=0.4``."""

from collections.abc import Mapping, Sequence

from detox_cli.errors import BadSettings
from detox_cli.services.eval_rewrite.result import SystemScores
from detox_cli.services.figure_rows import metrics_of
from detox_cli.services.quality_limits import Limit, check_names, parse_limits
from detox_cli.settings.evaluate import EvalRewriteSettings

ALIASES: Mapping[str, str] = {"J": "J_mean_of_products"}
METRICS = metrics_of(SystemScores)
"""Everything that is said of a system."""


def limits_of(settings: EvalRewriteSettings) -> list[Limit]:
    """What ``--fail-if`` and ``--fail-below`` say.

    Raises:
        BadSettings: A limit has no known form, or names what is not measured.
    """
    limits = parse_limits([*settings.fail_if, *_below(settings.fail_below)], ALIASES)
    check_names(limits, METRICS, scorers=())
    return limits


def _below(texts: Sequence[str]) -> list[str]:
    for text in texts:
        if "=" not in text:
            hint = "write --fail-below J=0.4, or --fail-if 'J<0.4'"
            raise BadSettings(f"'{text}' is no quality limit", where="--fail-below", hint=hint)
    return [text.replace("=", "<", 1) for text in texts]
