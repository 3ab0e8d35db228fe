"""What ``detox synth pairs`` would ask, before a model's weights are loaded."""

from detox_cli.data.rejects import Rejects
from detox_cli.output.progress import Progress
from detox_cli.services.plan import Plan
from detox_cli.services.synth_pairs.run import check
from detox_cli.services.synth_pairs.work import prepare
from detox_cli.services.writing_time import writing_plan
from detox_cli.settings.synth import SynthPairsSettings


def plan(settings: SynthPairsSettings, progress: Progress) -> Plan:
    """Read the sentences and count the different ones; raises what the run itself would raise about them.

    A server is not asked, so behind one nothing is counted.
    """
    check(settings)
    if settings.engine == "server":
        return Plan(things=[])
    rejects = Rejects(strict=settings.strict)
    work = prepare(settings, rejects, progress)
    return writing_plan(
        len(work.sources) - len(work.faults),
        samples=settings.num_candidates,
        rounds=1 + settings.retries,
        longest=work.sampling.max_new_tokens,
        rejects=rejects.count,
    )
