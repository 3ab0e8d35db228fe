"""``detox train dpo``."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.train_dpo import DpoSettings


def _plan(settings: DpoSettings, progress: Progress) -> Result:
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
    plan=_plan,
)
def dpo(settings: DpoSettings, progress: Progress) -> Result:
    """Tune a causal language model on preferences, so that it continues text less toxically."""
    from detox_cli.services.train_dpo.run import run

    return run(settings, progress)
