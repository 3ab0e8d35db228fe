"""Measure `builtin:toxicity-multilingual` on texts that its training never saw, and write its card."""

from collections.abc import Mapping
from pathlib import Path

from detox_cli.miniatures.training.figures import write_card
from detox_cli.miniatures.training.multilingual_texts import measured_sets
from detox_cli.miniatures.training.scores import probabilities
from detox_cli.scoring.language_id import RTP_LX
from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.ranking import auroc

LEAST, CHANCE = 0.6, 0.5
RATED = "RTP-LX prompts, {}: AUROC"
CARD = Path(__file__).with_name("toxicity_multilingual_card.md")


def measure(data: Path, folder: Path) -> dict[str, Estimate]:
    """Measure the model in ``folder``, write its card there and give the figures by name."""
    figures = {}
    for name, items in measured_sets(data).items():
        scores = probabilities(folder, [item.text for item in items], "toxicity")
        figures[f"{name}: AUROC"] = auroc(scores, [item.toxic > 0.5 for item in items])
        print(f"{name}: {figures[f'{name}: AUROC']} n={len(items)}", flush=True)
    describe(folder, figures)
    return figures


def describe(folder: Path, figures: Mapping[str, Estimate]) -> None:
    """Write the card, which claims the languages that the figures show and names the others."""
    card = CARD.read_text(encoding="utf-8").replace("{languages}", ", ".join(languages_read(figures)))
    weak = [lang for lang in RTP_LX if lang not in languages_read(figures)]
    write_card(folder, card.replace("{weak}", ", ".join(weak) or "none"), figures)


def languages_read(figures: Mapping[str, Estimate]) -> list[str]:
    """The languages in which the order of RTP-LX prompts agrees with people's, well beyond chance."""
    rated = {lang: figures[RATED.format(lang)] for lang in RTP_LX}
    return [lang for lang, one in rated.items() if one.mean >= LEAST and one.low > CHANCE]
