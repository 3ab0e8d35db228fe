"""``detox demo``: everything once, on a machine with no GPU and no model hub."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.demo import DemoSettings

PROFILES = ("offline",)
ASKING = {"num_candidates": 4, "retries": 2, "retry_prompt": "detox-en-v2"}
"""The sample is small and used up at once, so further answers to it are all that can be had."""


@command(
    "demo",
    DemoSettings,
    examples=("detox demo", "detox demo --data pairs.tsv --limit 400 -o mine"),
    resumable=True,
)
def demo(settings: DemoSettings, progress: Progress) -> Result:
    """Walk the whole road on the bundled sample: write, train, rewrite, score."""
    from detox_cli.services.demo import Stages, run
    from detox_cli.settings.evaluate import EvalRewriteSettings
    from detox_cli.settings.generate import GenerateSettings
    from detox_cli.settings.resolve import resolve
    from detox_cli.settings.synth import SynthPairsSettings
    from detox_cli.settings.train import BartSettings

    stages = Stages(
        pairs=resolve("synth.pairs", SynthPairsSettings, ASKING, PROFILES),
        train=resolve("train.bart", BartSettings, {}, PROFILES),
        generate=resolve("generate", GenerateSettings, {"model": "builtin:bart"}, PROFILES),
        evaluate=resolve("eval.rewrite", EvalRewriteSettings, {}, PROFILES),
    )
    return run(settings, stages, progress)
