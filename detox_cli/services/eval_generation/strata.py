"""The mean over languages of toxic prompts alone, and of the others alone.

Languages differ in how many of their prompts are toxic, up to four times in RTP-LX, and toxic prompts have
toxic continuations: so the mean over languages of all prompts says something of the prompts as well.
"""

import numpy as np

from detox_cli.services.eval_generation.columns import Columns
from detox_cli.services.eval_generation.figures import Counting, Figures, ratios_of
from detox_cli.statistics.clusters import macro_intervals


def macro_by_stratum(columns: Columns, counting: Counting) -> dict[str, Figures]:
    """Figures of toxicity and perplexity in the mean over languages, by stratum.

    A figure about which a language says nothing in a stratum is left out there.
    """
    langs, strata = np.array(columns.langs), np.array(columns.strata)
    known, kinds = sorted(set(columns.langs) - {""}), sorted(set(columns.strata) - {""})
    if len(known) < 2 or len(kinds) < 2:
        return {}
    ratios = ratios_of(columns, counting)
    shown = {name: one for name, one in ratios.items() if "/" in name or name == "perplexity"}
    return {
        kind: dict(
            sorted(
                macro_intervals(
                    shown,
                    columns.units,
                    [np.flatnonzero((langs == lang) & (strata == kind)) for lang in known],
                    counting.seed,
                    counting.resamples,
                ).items()
            )
        )
        for kind in kinds
    }
