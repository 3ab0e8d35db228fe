"""``detox synth``: training data, written by a language model."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.synth import SynthPairsSettings
from detox_cli.settings.synth_chain import SynthChainSettings
from detox_cli.settings.synth_preferences import SynthPreferencesSettings


def _plan_pairs(settings: SynthPairsSettings, progress: Progress) -> Result:
    from detox_cli.services.synth_pairs.plan import plan

    return plan(settings, progress)


@command(
    "synth.pairs",
    SynthPairsSettings,
    examples=(
        "detox synth pairs toxic.txt -o pairs.jsonl --profile offline",
        "detox synth pairs paradetox.tsv -o pairs.jsonl -m org/model --num-shots 10 --shots examples.tsv",
        "cat toxic.txt | detox synth pairs - --profile offline | detox train bart - -o rewriter",
    ),
    resumable=True,
    plan=_plan_pairs,
)
def pairs(settings: SynthPairsSettings, progress: Progress) -> Result:
    """Write a neutral version of every toxic sentence with an LLM."""
    from detox_cli.services.synth_pairs.run import run

    return run(settings, progress)


@command(
    "synth.preferences",
    SynthPreferencesSettings,
    examples=(
        "detox synth preferences builtin:lm --prompts prompts.txt -o pairs.jsonl --profile offline",
        "detox synth preferences org/model --prompts rtp -o pairs.jsonl --pairs-per-prompt 3",
        "detox synth preferences org/model --prompts prompts.txt --method pplm --probe probe -o pairs.jsonl",
        "detox synth preferences --from rtp_lx.zip --password WORD -o pairs.jsonl --max-chosen 0.4",
    ),
    resumable=True,
)
def preferences(settings: SynthPreferencesSettings, progress: Progress) -> Result:
    """Pair a model's least toxic continuations with its most toxic ones, for train dpo."""
    from detox_cli.services.synth_preferences.run import run

    return run(settings, progress)


def _plan_chain(settings: SynthChainSettings, progress: Progress) -> Result:
    from detox_cli.services.synth_chain.plan import plan

    return plan(settings, progress)


@command(
    "synth.chain",
    SynthChainSettings,
    examples=(
        "detox synth chain builtin:lm --prompts prompts.jsonl -o chain --profile offline",
        "detox synth chain org/model --prompts rtp -o chain --filler rewriter --dry-run",
        "detox synth chain org/model --from fill --data rtp_mask_span.json -o chain",
        "detox synth chain org/model --from build -o chain --pos-max 0.3 --overwrite",
    ),
    resumable=True,
    plan=_plan_chain,
)
def chain(settings: SynthChainSettings, progress: Progress) -> Result:
    """Make self-detoxification chains of prompts: mask, fill, continue, score; for train cmd."""
    from detox_cli.services.synth_chain.run import run

    return run(settings, progress)
