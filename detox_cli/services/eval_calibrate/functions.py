"""HateCheck: how often a scorer decides the cases of one function rightly.

Röttger et al. 2021 (ACL), in other languages Röttger et al. 2022 (WOAH): each function, such as a negated
insult or quoted hate, has cases that are all hateful or all not, so accuracy says what the scorer lacks.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from detox_cli.scoring.calibration import ALL, Evidence
from detox_cli.scoring.combined import HALF
from detox_cli.services.eval_calibrate.labels import Labelled
from detox_cli.services.eval_calibrate.result import FunctionScore
from detox_cli.statistics.bootstrap import Floats
from detox_cli.statistics.shares import share_interval

HATEFUL, OTHER = "all hateful", "all not hateful"


def function_scores(
    cases: Sequence[Labelled], scores: Floats, maps: Mapping[str, Evidence]
) -> list[FunctionScore]:
    """The accuracy of every language and function, and of all hateful and all other cases.

    At .5 of the score, and at the threshold of the language's map: of the one of ``zh-hans`` for cases in
    ``zh``, of that of all texts where the language has none.

    Args:
        cases: n cases.
        scores: Higher for toxic ones, shape [n].
        maps: By language.
    """
    toxic = np.array([case.toxic for case in cases])
    plain = (scores >= HALF) == toxic
    fitted = (
        np.array([_decided(case, score, maps) for case, score in zip(cases, scores, strict=True)]) == toxic
    )
    found = []
    for lang in sorted({case.lang for case in cases}):
        groups: dict[tuple[str, bool], list[int]] = {}
        for place, case in enumerate(cases):
            if case.lang == lang:
                for name in (str(case.function), HATEFUL if case.toxic else OTHER):
                    groups.setdefault((name, case.toxic), []).append(place)
        found += [
            FunctionScore(
                lang=lang,
                function=name,
                hateful=hateful,
                right_at_half=share_interval(plain[places].tolist()),
                right_after=share_interval(fitted[places].tolist()),
            )
            for (name, hateful), places in sorted(groups.items())
        ]
    return found


def _decided(case: Labelled, score: float, maps: Mapping[str, Evidence]) -> bool:
    near = next((one for lang, one in maps.items() if lang.split("-")[0] == case.lang), maps[ALL])
    evidence = maps.get(case.lang, near)
    return bool(evidence.curve([score])[0] >= evidence.threshold)
