"""For which languages a scorer has evidence, and why it has none for the others."""

from collections.abc import Iterable, Mapping, Sequence

from detox_cli.output.progress import Progress
from detox_cli.scoring.languages import languages_of
from detox_cli.services.eval_calibrate.evidence import Sample
from detox_cli.services.eval_calibrate.result import LanguageEvidence, Standing

CHANCE = 0.5


def standing(
    figures: LanguageEvidence, by_file: Sequence[LanguageEvidence], sample: Sample, least: int
) -> Standing:
    """Whether labels carry a map: enough of each class, and an AUROC whose interval lies above .5.

    Files differ in what they hold and in how much of it is toxic, so that a scorer which only tells files
    apart would seem to tell toxic texts apart. Where there are several, one of them must show it alone.
    """
    toxic = int(sample.toxic.sum())
    if min(toxic, len(sample.toxic) - toxic) < least or figures.auroc is None:
        return "too few labels"
    shown = [one.auroc.low > CHANCE for one in by_file or [figures] if one.auroc is not None]
    return "map" if any(shown) and figures.auroc.low > CHANCE else "no better than chance"


def coverage(
    scorer: str, found: Mapping[str, Standing], wanted: Iterable[str], progress: Progress
) -> dict[str, Standing]:
    """The standing of every language: of the labels, of those wanted, and of those the scorer says it reads.

    The listener is told of what is missing, and of labels in languages that the scorer does not read.
    """
    reads = languages_of(scorer)
    asked = [code.lower() for code in wanted]
    covered: dict[str, Standing] = dict(sorted(found.items()))
    there = {*found, *(lang.split("-")[0] for lang in found)}  # labels in zh-hans are labels in zh
    covered |= dict.fromkeys(sorted({*asked, *(reads or ())} - there), "no labels")
    reasons: tuple[Standing, ...] = ("no labels", "too few labels", "no better than chance")
    for why in reasons:
        langs = [lang for lang, one in covered.items() if one == why]
        if langs:
            progress.warn(f"no evidence for {', '.join(langs)}: {why}; scores there can be anything")
    strange = [lang for lang in found if reads is not None and lang.split("-")[0] not in {*reads, "und"}]
    if strange:
        progress.warn(f"{scorer} reads {', '.join(sorted(reads or ()))}, not {', '.join(sorted(strange))}")
    return covered
