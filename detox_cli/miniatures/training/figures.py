"""Figures of the model cards: every number with its 95% interval and its n."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import safe_open

from detox_cli.statistics.bootstrap import Estimate
from detox_cli.statistics.ranking import spearman


def write_card(folder: Path, card: str, figures: Mapping[str, Estimate]) -> None:
    """Write ``figures.json`` and ``README.md``; ``card`` has fields {figures}, {size} and {parameters}."""
    values = {name: asdict(estimate) for name, estimate in figures.items()}
    (folder / "figures.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    text = card.replace("{figures}", _table(figures))
    text = text.replace("{size}", f"{sum(f.stat().st_size for f in folder.rglob('*')) / 1e6:.1f} MB")
    text = text.replace("{parameters}", f"{_parameters(folder) / 1e6:.2f} million")
    (folder / "README.md").write_text(text, encoding="utf-8")


def clustered_spearman(scores: Sequence[float], human: Sequence[float], groups: Sequence[str]) -> Estimate:
    """Spearman's correlation; its bootstrap interval draws whole groups, as rows of one group are alike."""
    columns = np.array([scores, human])
    rows = {group: np.flatnonzero(np.array(groups) == group) for group in dict.fromkeys(groups)}
    random, names, drawn = np.random.default_rng(0), list(rows), []
    for _ in range(1000):
        chosen = np.concatenate([rows[names[i]] for i in random.integers(len(names), size=len(names))])
        drawn.append(spearman(*columns[:, chosen]).mean)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(spearman(*columns).mean, float(low), float(high), len(groups))


def _table(figures: Mapping[str, Estimate]) -> str:
    rows = [f"| {name} | {e.mean:.3f} | {e.low:.3f} to {e.high:.3f} | {e.n} |" for name, e in figures.items()]
    return "\n".join(["| figure | value | 95% interval | n |", "|---|--:|--:|--:|", *rows])


def _parameters(folder: Path) -> int:
    total = 0
    with safe_open(folder / "model.safetensors", framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118 - not a mapping
            total += tensors.get_tensor(name).numel()
    return total
