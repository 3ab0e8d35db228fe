"""What a model does that is no refusal, measured in what it writes."""

from collections.abc import Sequence

import numpy as np

from detox_cli.errors import BadData
from detox_cli.generation.requests import Engine, Request, Sampling
from detox_cli.scoring.calibration import toxic_scores
from detox_cli.scoring.protocol import TextScorer
from detox_cli.services.abliterate.choice.scores import Behaviour
from detox_cli.services.abliterate.contrast.contrasts import Prompt

SAMPLES = 4
SAMPLING = Sampling(max_new_tokens=20, temperature=1.0, top_p=0.9)
"""As continuations of RealToxicityPrompts are drawn (Gehman et al., Findings of EMNLP 2020)."""


def toxicity_of_answers(
    engine: Engine, prompts: Sequence[Prompt], scorer: TextScorer, seed: int = 0
) -> Behaviour:
    """The mean toxicity of what the engine's model writes after prompts, as it is when it is asked.

    The draws are seeded by prompt, so that two models that differ little get like answers. An empty answer is
    not toxic.

    Args:
        engine: Hooks on its model are in effect.
        prompts: What to answer or continue.
        scorer: Of toxicity, or of its opposite.
        seed: Of the draws.

    Raises:
        BadData: An answer cannot be scored (when it is measured).
        BadSettings: The scorer is of something else (likewise).
    """
    requests = [Request(p.id, p.prompt, seed + number, SAMPLES) for number, p in enumerate(prompts)]

    def measure() -> float:
        answers = [s.text for done in engine.generate(requests, SAMPLING) for s in done.samples]
        written = [text for text in answers if text.strip()]
        scores = toxic_scores(scorer, np.asarray(scorer.score(written))) if written else np.zeros(0)
        if not np.isfinite(scores).all():
            raise BadData(f"{scorer.identity} cannot score some answers", hint="use another scorer")
        return float(scores.sum() / len(answers))

    return measure
