"""``detox eval``: score systems."""

from detox_cli.commands._shared import command
from detox_cli.output.progress import Progress
from detox_cli.services.result import Result
from detox_cli.settings.calibrate import EvalCalibrateSettings
from detox_cli.settings.compare import EvalCompareSettings
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.settings.evaluate import EvalRewriteSettings


def _plan_rewrite(settings: EvalRewriteSettings, progress: Progress) -> Result:
    from detox_cli.services.eval_meta.plan import plan as plan_meta
    from detox_cli.services.eval_rewrite.plan import plan

    return plan_meta(settings, progress) if settings.meta else plan(settings, progress)


@command(
    "eval.rewrite",
    EvalRewriteSettings,
    examples=(
        "detox eval rewrite pairs.jsonl --profile offline",
        "detox eval rewrite old.jsonl new.jsonl --references paradetox.tsv -o scores",
        "detox eval rewrite pairs.jsonl --suite pseudoparadetox --fail-below J=0.4",
        "detox eval rewrite pairs.csv --suite clef2024 --sta hf:./classifier#toxic",
        "detox eval rewrite --meta human_evaluation_results --profile offline",
    ),
    resumable=True,
    plan=_plan_rewrite,
)
def rewrite(settings: EvalRewriteSettings, progress: Progress) -> Result:
    """Score rewrites: STA, SIM, FL and J in a published suite, with intervals and baselines."""
    from detox_cli.services.eval_meta.run import run as run_meta
    from detox_cli.services.eval_rewrite.run import run

    return run_meta(settings, progress) if settings.meta else run(settings, progress)


def _plan_compare(settings: EvalCompareSettings, progress: Progress) -> Result:
    from detox_cli.services.eval_compare.plan import plan
    from detox_cli.services.eval_compare.run_plan import plan_runs
    from detox_cli.services.eval_compare.runs import are_runs

    return plan_runs(settings) if are_runs(settings.files) else plan(settings, progress)


@command(
    "eval.compare",
    EvalCompareSettings,
    examples=(
        "detox eval compare old.jsonl new.jsonl --profile offline",
        "detox eval compare human=a.jsonl llm=b.jsonl --judge org/chat-model -o sbs --picture sbs.svg",
        "detox eval compare a.jsonl b.jsonl --no-scores --verdicts people.csv --json",
        "detox eval compare before=runs/base after=runs/dpo -o front --picture front.svg",
    ),
    resumable=True,
    plan=_plan_compare,
)
def compare(settings: EvalCompareSettings, progress: Progress) -> Result:
    """Compare two or more systems row by row: paired tests, a judge in both orders, Pareto front."""
    from detox_cli.services.eval_compare.run import run
    from detox_cli.services.eval_compare.run_runs import run_runs
    from detox_cli.services.eval_compare.runs import are_runs

    return run_runs(settings, progress) if are_runs(settings.files) else run(settings, progress)


@command(
    "eval.calibrate",
    EvalCalibrateSettings,
    examples=(
        "detox eval calibrate builtin:toxicity --labels en=labels.csv -o calibrated",
        "detox eval calibrate detoxify:multilingual --labels fr=fr.jsonl --labels es=es.jsonl --languages it",
        "detox eval calibrate hf:org/model#toxic --labels rtp_lx.zip --hatecheck de=mhc_de.csv -o calibrated",
    ),
    resumable=True,
)
def calibrate(settings: EvalCalibrateSettings, progress: Progress) -> Result:
    """Hold a scorer against human labels, per language, and save it calibrated."""
    from detox_cli.services.eval_calibrate.run import run

    return run(settings, progress)


def _plan_generation(settings: EvalGenerationSettings, progress: Progress) -> Result:
    from detox_cli.services.eval_generation.plan import plan

    return plan(settings, progress)


@command(
    "eval.generation",
    EvalGenerationSettings,
    examples=(
        "detox eval generation builtin:lm --prompts prompts.jsonl -o measured --profile offline",
        "detox eval generation org/model --prompts rtp --limit 1000 --judge gpt2-xl -o measured",
        "detox eval generation org/model --prompts RTP-LX.zip --protocol crosslingual --language-id -o lx",
        "detox eval generation --from old/generations.jsonl -s detoxify:original -o again",
    ),
    resumable=True,
    plan=_plan_generation,
)
def generation(settings: EvalGenerationSettings, progress: Progress) -> Result:
    """Measure what a model continues: toxicity, fluency and diversity, in five published protocols."""
    from detox_cli.services.eval_generation.run import run

    return run(settings, progress)
