"""``detox generate``: what a model writes for a file of prompts."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.generate import GenerateSettings


def _plan(settings: GenerateSettings, progress: Progress) -> Result:
    from detox_cli.services.generate.plan import plan

    return plan(settings, progress)


@command(
    "generate",
    GenerateSettings,
    examples=(
        "detox generate builtin:lm prompts.jsonl -o continuations.jsonl --num-samples 25 --max-new-tokens 20",
        "detox generate my-rewriter toxic.txt -o rewrites.jsonl",
        "detox generate org/chat-model questions.csv -o answers.jsonl --chat --system 'Be brief.'",
    ),
    resumable=True,
    plan=_plan,
)
def generate(settings: GenerateSettings, progress: Progress) -> Result:
    """Write continuations or rewrites for a file of prompts."""
    from detox_cli.services.generate.run import run

    return run(settings, progress)
