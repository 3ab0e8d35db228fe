"""Rows in languages that a scorer does not read: their scores say nothing, and the listener is told."""

from collections import Counter
from collections.abc import Mapping, Sequence

from detox_cli.output.progress import Progress
from detox_cli.scoring.languages import languages_of
from detox_cli.services.eval_rewrite.systems import System


def unread(
    names: Mapping[str, str], systems: Sequence[System], progress: Progress
) -> dict[str, dict[str, int]]:
    """How many rows of each language the scorer of a measure does not read, by measure, then by language.

    Rows that do not say their language, and scorers of which nobody says what they read, are not counted.

    Args:
        names: The scorers' names by measure.
        systems: Whose rows are looked at, baselines left out.
        progress: Is warned of each scorer.
    """
    rows = Counter(item.lang for one in systems if not one.baseline for item in one.items if item.lang)
    found: dict[str, dict[str, int]] = {}
    for measure, name in names.items():
        if (reads := languages_of(name)) is None:
            continue
        strange = {lang: n for lang, n in sorted(rows.items()) if lang.split("-")[0].lower() not in reads}
        if strange:
            found[measure.upper()] = strange
            listed = ", ".join(f"{n} in {lang}" for lang, n in strange.items())
            progress.warn(
                f"{name} reads {', '.join(sorted(reads))}; {measure.upper()} and J mean nothing for the rows "
                f"in other languages: {listed}"
            )
    return found
