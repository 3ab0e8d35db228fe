"""What ``detox generate`` would ask, before a model's weights are loaded."""

from detox_cli.data.rejects import Rejects
from detox_cli.output.progress import Progress
from detox_cli.services.generate.run import prepare
from detox_cli.services.plan import Plan
from detox_cli.services.writing_time import writing_plan
from detox_cli.settings.generate import GenerateSettings


def plan(settings: GenerateSettings, progress: Progress) -> Plan:
    """Read the prompts and count; raises what the run itself would raise about them.

    A server is not asked, so behind one nothing is counted.
    """
    if settings.engine == "server":
        return Plan(things=[])
    rejects = Rejects(strict=settings.strict)
    work = prepare(settings, rejects)
    again = work.form.retries if work.form is not None and work.sampling.temperature else 0
    return writing_plan(
        len(work.requests),
        samples=settings.num_samples,
        rounds=1 + again,
        longest=work.sampling.max_new_tokens,
        rejects=rejects.count,
    )
