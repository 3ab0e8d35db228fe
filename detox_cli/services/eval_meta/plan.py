"""What ``detox eval rewrite --meta`` would do: ratings and scorers, before any model is loaded."""

from collections import Counter

from detox_cli.data.rejects import Rejects
from detox_cli.output.progress import Progress
from detox_cli.scoring.suites import SUITES
from detox_cli.services.eval_meta.run import check, names_of, usable
from detox_cli.services.plan import Plan, Thing
from detox_cli.services.plan import plan as look_at
from detox_cli.settings.evaluate import EvalRewriteSettings


def plan(settings: EvalRewriteSettings, progress: Progress) -> Plan:
    """Read the ratings and look for the scorers; raises what the run itself would raise about them."""
    check(settings)
    suite, rejects = SUITES[settings.suite], Rejects(strict=settings.strict)
    ratings, _ = usable(settings, suite, rejects, progress)
    rows = Counter(r.lang for r in ratings)
    counted = ", ".join(f"{lang} {n}" for lang, n in sorted(rows.items()))
    found = look_at([Thing(f"--{m}", "scorer", name) for m, name in names_of(settings, suite).items()])
    things = [("--meta", str(settings.meta), f"rated outputs: {counted}"), *found.things]
    if rejects.count:
        things.append(("--meta", "rows that cannot be read", str(rejects.count)))
    return Plan(things=things)
