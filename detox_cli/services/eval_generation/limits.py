"""The limits that a user sets on figures, checked before anything is loaded."""

from detox_cli.services.eval_generation.chain_figures import CHAINS, REPHRASED
from detox_cli.services.eval_generation.columns import PER_PROMPT
from detox_cli.services.eval_generation.protocols import Protocol
from detox_cli.services.eval_generation.result import FLUENCY, RATES
from detox_cli.services.quality_limits import Limit, check_names, parse_limits
from detox_cli.settings.eval_generation import EvalGenerationSettings

OF_SCORERS = ("expected_maximum", "probability", "mean", "share", "clean")
SPREADS = tuple(
    f"{name}_{what}" for name in ("perplexity", "legacy_perplexity") for what in ("q1", "q3", "beyond")
)
OF_MODEL = ("text_perplexity", "kl", "f1", "f1_legacy")
OF_CHAINS = (*CHAINS, *REPHRASED, "tokens")
METRICS = (*OF_SCORERS, *FLUENCY, *SPREADS, *PER_PROMPT, *RATES, *OF_CHAINS, *OF_MODEL)
"""Everything that a summary can have, besides the tasks of lm-evaluation-harness."""


def limits_of(settings: EvalGenerationSettings, protocol: Protocol, source: str | None) -> list[Limit]:
    """What ``--fail-if`` says.

    Raises:
        BadSettings: A limit has no known form, or names a figure, scorer or k that will not be there.
    """
    limits = parse_limits(settings.fail_if)
    # What a task gives is known when it has been run.
    known = [one for one in limits if not settings.lm_eval or one.scorer in ("", *settings.scorers)]
    ks = set(settings.k) or (None if source is not None else {protocol.samples})
    check_names(known, METRICS, settings.scorers if settings.given_scores == "no" else None, ks)
    return limits
