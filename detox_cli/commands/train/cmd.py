"""``detox train cmd``."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.train_cmd import CmdSettings


def _plan(settings: CmdSettings, progress: Progress) -> Result:
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
    plan=_plan,
)
def cmd(settings: CmdSettings, progress: Progress) -> Result:
    """Tune a language model on self-detoxification chains, with a contrast of answers."""
    from detox_cli.services.train_cmd.run import run

    return run(settings, progress)
