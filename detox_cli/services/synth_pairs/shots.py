"""What ``synth pairs`` starts from: the toxic sentences, and the worked examples for the prompt."""

import random

from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import text_key
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.prompts import Shot
from detox_cli.settings.synth import SynthPairsSettings


def choose_shots(settings: SynthPairsSettings, sources: list[Pair], rejects: Rejects) -> list[Shot]:
    """The worked examples: ``num_shots`` pairs of the shots file, none of which is a source of this run.

    A source that is its own example would be copied, not rewritten, so such pairs are passed over.
    """
    if not settings.num_shots:
        return []
    if settings.shots is None:
        raise BadSettings(
            f"--num-shots {settings.num_shots} needs examples", hint="name a file of pairs with --shots"
        )
    asked = {text_key(pair.toxic) for pair in sources}
    pool = [
        Shot(pair.toxic, pair.references[0])
        for pair in read_pairs(settings.shots, rejects, split=settings.split)
        if pair.references and text_key(pair.toxic) not in asked
    ]
    if len(pool) < settings.num_shots:
        raise BadData(
            f"has {len(pool)} examples that are not among the sources, {settings.num_shots} are needed",
            where=settings.shots,
            hint="lower --num-shots or name another file with --shots",
        )
    if settings.shot_selection == "random":
        return random.Random(settings.seed).sample(pool, settings.num_shots)
    return pool[-settings.num_shots :]
