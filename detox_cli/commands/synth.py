"""``detox synth``: training data, written by a language model."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.synth import SynthPairsSettings


@command(
    "synth.pairs",
    SynthPairsSettings,
    examples=(
        "detox synth pairs toxic.txt -o pairs.jsonl --profile offline",
        "detox synth pairs paradetox.tsv -o pairs.jsonl -m org/model --num-shots 10 --shots examples.tsv",
        "cat toxic.txt | detox synth pairs - --profile offline | detox train bart - -o rewriter",
    ),
    resumable=True,
)
def pairs(settings: SynthPairsSettings, progress: Progress) -> Result:
    """Write a neutral version of every toxic sentence with an LLM."""
    from detox_cli.services.synth_pairs.run import run

    return run(settings, progress)
