"""How far the official automatic metric of CLEF TextDetox 2024 agrees with people, per language.

Computed from the published results: the automatic J (STA x LaBSE x chrF against a reference, 600 test items)
and the human J (100 of them) of every system; human references are left out. The ceiling is the split-half
reliability of the human J of 100 items. Source: ``final_results_merged.pdf`` and the rated files of the
repository textdetox/textdetox_clef_2024.
"""

from pydantic import BaseModel, ConfigDict, Field


class Official(BaseModel):
    """The published metric in one language."""

    model_config = ConfigDict(frozen=True)

    systems: int
    spearman: float
    kendall: float
    pairs: float = Field(description="Decided pairs in the same order, human gap of at least .10.")
    ceiling: float = Field(description="Split-half reliability of the human scores, Spearman-Brown.")


_TABLE = {  # systems, Spearman, Kendall, pairs, ceiling
    "am": (18, 0.556, 0.464, 0.815, 0.905),
    "ar": (18, 0.763, 0.621, 0.906, 0.932),
    "zh": (18, 0.249, 0.176, 0.604, 0.937),
    "en": (20, 0.152, 0.085, 0.594, 0.843),
    "de": (18, 0.808, 0.621, 0.911, 0.946),
    "hi": (18, 0.662, 0.529, 0.806, 0.939),
    "ru": (20, 0.698, 0.558, 0.868, 0.921),
    "es": (18, 0.645, 0.386, 0.802, 0.948),
    "uk": (18, 0.728, 0.556, 0.847, 0.895),
}
OFFICIAL = {
    lang: Official(systems=n, spearman=rho, kendall=tau, pairs=pairs, ceiling=ceiling)
    for lang, (n, rho, tau, pairs, ceiling) in _TABLE.items()
}
