"""``detox train``: train a model that makes text or itself less toxic."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.train import BartSettings
from detox_cli.settings.train_cmd import CmdSettings
from detox_cli.settings.train_dpo import DpoSettings
from detox_cli.settings.train_lm import LmSettings
from detox_cli.settings.train_spans import SpansSettings


def _plan_bart(settings: BartSettings, progress: Progress) -> Result:
    from detox_cli.services.train_bart.plan import plan

    return plan(settings, progress)


@command(
    "train.bart",
    BartSettings,
    examples=(
        "detox train bart pairs.jsonl -o rewriter --profile offline",
        "detox train bart paradetox.tsv -o rewriter -m facebook/bart-base",
        "detox train bart paradetox.tsv -o published --profile paradetox-bart-large --dry-run",
        "accelerate launch -m detox_cli train bart paradetox.tsv -o rewriter -m facebook/bart-large",
    ),
    resumable=True,
    plan=_plan_bart,
)
def bart(settings: BartSettings, progress: Progress) -> Result:
    """Train a sequence-to-sequence rewriter on pairs."""
    from detox_cli.services.train_bart.run import run

    return run(settings, progress)


def _plan_lm(settings: LmSettings, progress: Progress) -> Result:
    from detox_cli.services.train_lm.plan import plan

    return plan(settings, progress)


@command(
    "train.lm",
    LmSettings,
    examples=(
        "detox train lm builtin:lm --data comments.jsonl -o expert",
        "detox train lm gpt2 --data civil.csv --where 'toxicity > 0.8' --split 5 -o experts",
        "detox train lm gpt2 --profile task-vector-gpt2 --split 5 -o experts --dry-run",
        "detox train lm gpt2 --preset civil-clean -o baseline",
        "accelerate launch -m detox_cli train lm meta-llama/Llama-2-7b-hf --lora 16,32,0.05 --data t.jsonl",
    ),
    resumable=True,
    plan=_plan_lm,
)
def lm(settings: LmSettings, progress: Progress) -> Result:
    """Tune a language model on texts; with --split N, the experts for negate."""
    from detox_cli.services.train_lm.run import run

    return run(settings, progress)


def _plan_dpo(settings: DpoSettings, progress: Progress) -> Result:
    from detox_cli.services.train_dpo.plan import plan

    return plan(settings, progress)


@command(
    "train.dpo",
    DpoSettings,
    examples=(
        "detox train dpo builtin:lm --data pairs.jsonl -o tuned --profile offline",
        "detox train dpo bigscience/bloom-1b7 --data toxicity_pairwise/ --profile crosslingual-dpo -o tuned",
        "detox train dpo meta-llama/Llama-3.1-8B --data pairs.jsonl --qlora nf4 --lora 64,128,0 --dry-run",
        "accelerate launch -m detox_cli train dpo builtin:lm --data pairs.jsonl -o tuned",
    ),
    resumable=True,
    plan=_plan_dpo,
)
def dpo(settings: DpoSettings, progress: Progress) -> Result:
    """Tune a causal language model on preferences, so that it continues text less toxically."""
    from detox_cli.services.train_dpo.run import run

    return run(settings, progress)


def _plan_spans(settings: SpansSettings, progress: Progress) -> Result:
    from detox_cli.services.train_spans.plan import plan

    return plan(settings, progress)


@command(
    "train.spans",
    SpansSettings,
    examples=(
        "detox train spans builtin:toxicity --data tsd_train.csv -o detector --profile offline",
        "detox train spans FacebookAI/roberta-base --data tsd_train.csv --test tsd_test.csv -o detector",
        "detox train spans builtin:toxicity --data tsd.csv --baseline builtin:lexicon -o detector",
        "detox train spans google-bert/bert-base-uncased --data tsd.csv --head segment-cnn -o detector",
    ),
    resumable=True,
    plan=_plan_spans,
)
def spans(settings: SpansSettings, progress: Progress) -> Result:
    """Train a detector of toxic spans on texts in which they are marked."""
    from detox_cli.services.train_spans.run import run

    return run(settings, progress)


def _plan_cmd(settings: CmdSettings, progress: Progress) -> Result:
    from detox_cli.services.train_cmd.plan import plan

    return plan(settings, progress)


@command(
    "train.cmd",
    CmdSettings,
    examples=(
        "detox train cmd builtin:lm --data chains -o detoxified --profile offline",
        "detox train cmd openai-community/gpt2-xl --data chains --profile cmd-gpt2-xl -o published",
        "detox train cmd meta-llama/Llama-2-7b-hf --data chains --contrast unlikelihood --dry-run",
        "accelerate launch -m detox_cli train cmd google/flan-t5-xl --data rtp_cmd.json -o tuned",
    ),
    resumable=True,
    plan=_plan_cmd,
)
def cmd(settings: CmdSettings, progress: Progress) -> Result:
    """Tune a language model on self-detoxification chains, with a contrast of answers."""
    from detox_cli.services.train_cmd.run import run

    return run(settings, progress)
