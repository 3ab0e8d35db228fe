"""``detox train lm``."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.train_lm import LmSettings


def _plan(settings: LmSettings, progress: Progress) -> Result:
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
    plan=_plan,
)
def lm(settings: LmSettings, progress: Progress) -> Result:
    """Tune a language model on texts; with --split N, the experts for negate."""
    from detox_cli.services.train_lm.run import run

    return run(settings, progress)
