"""What the prompts start from: worked examples, the same for all sentences or for each its own."""

import random
from collections.abc import Sequence

import numpy as np

from detox_cli.data.nearest import neighbours
from detox_cli.data.pairs import Pair, read_pairs
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import text_key
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.prompts import Shot
from detox_cli.output.progress import Progress
from detox_cli.scoring.suites.detox import DETOX
from detox_cli.scoring.suites.suite import measure_outputs
from detox_cli.services.counted_scores import counted_scores
from detox_cli.services.synth_pairs.scores import load_scorers, selection_score
from detox_cli.services.synth_pairs.sources import Choice
from detox_cli.settings.synth import SynthPairsSettings


def excluded_keys(settings: SynthPairsSettings, rejects: Rejects) -> set[str]:
    """The keys of all sentences in the files of ``--exclude``."""
    return {
        text_key(pair.toxic)
        for name in settings.exclude
        for pair in read_pairs(name, rejects, need_reference=False, split=settings.split)
    }


def choose_shots(
    settings: SynthPairsSettings,
    sources: Sequence[Pair],
    excluded: set[str],
    rejects: Rejects,
    progress: Progress,
) -> Choice:
    """How to find ``num_shots`` pairs of the shots file, none of which is a source of this run or excluded.

    A source that is its own example would be copied, not rewritten, so such pairs are passed over.

    Raises:
        BadData: There are too few.
        BadSettings: There is no file to take them from.
    """
    if not settings.num_shots:
        return lambda _: ()
    pool = _pool(settings, {text_key(pair.toxic) for pair in sources} | excluded, rejects)
    if settings.shot_selection == "knn":
        return _nearest(pool, settings.num_shots)
    if settings.shot_selection == "random":
        chosen = tuple(random.Random(settings.seed).sample(pool, settings.num_shots))
    elif settings.shot_selection == "best":
        chosen = _best(pool, settings, progress)
    else:
        chosen = tuple(pool[-settings.num_shots :])
    return lambda _: chosen


def _pool(settings: SynthPairsSettings, barred: set[str], rejects: Rejects) -> list[Shot]:
    if settings.shots is None:
        raise BadSettings(
            f"--num-shots {settings.num_shots} needs examples", hint="name a file of pairs with --shots"
        )
    pool = [
        Shot(pair.toxic, pair.references[0], pair.id)
        for pair in read_pairs(settings.shots, rejects, split=settings.shots_split or settings.split)
        if pair.references and text_key(pair.toxic) not in barred
    ]
    if len(pool) < settings.num_shots:
        raise BadData(
            f"has {len(pool)} examples that are not among the sources, {settings.num_shots} are needed",
            where=settings.shots,
            hint="lower --num-shots or name another file with --shots",
        )
    return pool


def _nearest(pool: Sequence[Shot], count: int) -> Choice:
    """For each sentence the examples most like it, the most similar last, beside the sentence itself."""
    index = neighbours([shot.toxic for shot in pool])
    return lambda text: tuple(pool[i] for i in reversed(index.nearest(text, count)))


def _best(pool: Sequence[Shot], settings: SynthPairsSettings, progress: Progress) -> tuple[Shot, ...]:
    """The examples whose neutral side scores highest for its toxic side, the best last; sources once."""
    panel = load_scorers(settings, progress)
    toxic, neutral = [shot.toxic for shot in pool], [shot.neutral for shot in pool]
    parts = counted_scores(
        panel, lambda panel: measure_outputs(DETOX, panel, toxic, neutral), progress, "scoring examples"
    )
    order = np.argsort(-selection_score(parts), kind="stable")
    different: dict[str, Shot] = {}
    for position in order:
        different.setdefault(text_key(pool[position].toxic), pool[position])
    if len(different) < settings.num_shots:
        raise BadData(
            f"has only {len(different)} different sources",
            where=settings.shots,
            hint="give more examples, or lower --num-shots",
        )
    return tuple(reversed(list(different.values())[: settings.num_shots]))
