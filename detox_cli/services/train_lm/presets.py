"""Published choices of texts: where they are, which rows count, and which column has the text."""

from dataclasses import dataclass

SIX = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
"""The labels of Jigsaw's toxic comment challenge (2018), 0 or 1."""


@dataclass(frozen=True)
class Preset:
    """A choice of texts.

    Attributes:
        data: The data set on the Hub; ``None`` where it has to be fetched by hand.
        splits: Its splits.
        where: The rule.
        column: The column with the text.
        sample: The share of the texts that is used.
        clean: Whether these are the texts that do no harm, which are trained on as a baseline.
    """

    data: str | None
    splits: tuple[str, ...]
    where: str
    column: str
    sample: float = 1.0
    clean: bool = False


_CIVIL = ("google/civil_comments", ("train", "validation", "test"))
_TOXIGEN = ("skg/toxigen-data:train", ("train",))

# Kim et al., "Decoupling Noise and Toxic Parameters for Language Model Detoxification by Task Vector
# Merging" (COLM 2024), as github.com/oishikimchi97/merge_to_detoxify has it at commit 5d5071c: strictly above
# .8 and below .2, the clean ones thinned to 2 % and 32 %. ToxiGen's own rule: Hartvigsen et al. (ACL 2022).
PRESETS = {
    "civil-toxic": Preset(*_CIVIL, "toxicity > 0.8", "text"),
    "civil-clean": Preset(*_CIVIL, "toxicity < 0.2", "text", 0.02, clean=True),
    "toxigen-toxic": Preset(*_TOXIGEN, "roberta_prediction > 0.8", "generation"),
    "toxigen-clean": Preset(*_TOXIGEN, "roberta_prediction < 0.2", "generation", 0.32, clean=True),
    "toxigen-annotated-toxic": Preset(
        "skg/toxigen-data:annotated", ("train",), "toxicity_ai + toxicity_human > 5.5", "text"
    ),
    "jigsaw-toxic": Preset(None, (), "toxic == 1", "comment_text"),
    "jigsaw-clean": Preset(
        None, (), " and ".join(f"{label} == 0" for label in SIX), "comment_text", clean=True
    ),
}
"""By name, with the numbers of the paper."""
