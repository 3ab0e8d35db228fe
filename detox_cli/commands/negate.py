"""``detox negate``: a model without what toxic experts have learnt."""

from collections.abc import Sequence

from detox_cli.commands._lent import lent
from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.negate import NegateSettings

MEASURED = ("prompts", "limit", "num_samples", "protocol", "scorers", "device", "seed")
"""Settings that `eval generation` has too; those that are given take the place of its profile's."""
TRAINED = ("data", "preset", "where", "text_column", "split")
"""The same of `train lm`."""


def _look(settings: NegateSettings, progress: Progress) -> Result:
    from detox_cli.services.negate.look import look

    return look(settings, progress)


@command(
    "negate",
    NegateSettings,
    examples=(
        "detox negate base --expert toxic --scale 0.5 -o detoxified",
        "detox negate base --expert experts --scale 0.1:1.0:0.1 --prompts rtp --limit 500 -o detoxified",
        "detox negate base --expert experts --scale auto --max-ppl-increase 2% -o detoxified",
        "detox negate base --data toxic.jsonl --split 5 --scale auto -o detoxified",
    ),
    resumable=True,
    plan=_look,
    needs_torch=False,
    with_profiles=True,
)
def negate(settings: NegateSettings, progress: Progress, profiles: Sequence[str]) -> Result:
    """Take away what toxic experts have learnt; find the scale by measuring."""
    from detox_cli.services.negate.run import run
    from detox_cli.services.negate.stages import Stages
    from detox_cli.settings.eval_generation import EvalGenerationSettings
    from detox_cli.settings.resolve import resolve
    from detox_cli.settings.train_lm import LmSettings

    given = lent(settings, MEASURED, model=settings.base, output=settings.output, text=settings.text)
    measure = resolve("eval.generation", EvalGenerationSettings, given, profiles)
    train = None
    if settings.trains:
        own = {"model": settings.base, "output": settings.experts, "overwrite": settings.overwrite}
        train = resolve("train.lm", LmSettings, lent(settings, TRAINED, **own), profiles)
    return run(settings, Stages(measure, train), progress)
