"""What ``detox eval compare`` would do with runs of ``eval generation``."""

from detox_cli.services.eval_compare.contests import Contestant, contests
from detox_cli.services.eval_compare.run_runs import check
from detox_cli.services.eval_compare.runs import read_runs
from detox_cli.services.plan import Plan
from detox_cli.settings.compare import EvalCompareSettings


def plan_runs(settings: EvalCompareSettings) -> Plan:
    """Read the runs; raises what the comparison itself would raise about them."""
    check(settings)
    runs = read_runs(settings.files, settings.seed, settings.resamples)
    ids = {run.name: tuple(run.columns.ids) for run in runs}
    pairs = contests([Contestant(name, own, own) for name, own in ids.items()], settings.against)
    return Plan(
        things=[(one.system.name, f"against {one.against.name}", f"{len(one.ids)} prompts") for one in pairs]
    )
