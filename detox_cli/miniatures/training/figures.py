"""Figures of the model cards: every number with its 95% interval and its n."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from safetensors import safe_open

from detox_cli.statistics.bootstrap import Estimate


def write_card(folder: Path, card: str, figures: Mapping[str, Estimate]) -> None:
    """Write ``figures.json`` and ``README.md``; ``card`` has fields {figures}, {size} and {parameters}."""
    values = {name: asdict(estimate) for name, estimate in figures.items()}
    (folder / "figures.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    text = card.replace("{figures}", _table(figures))
    text = text.replace("{size}", f"{sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.1f} MB")
    text = text.replace("{parameters}", f"{_parameters(folder) / 1e6:.2f} million")
    (folder / "README.md").write_text(text, encoding="utf-8")


def _table(figures: Mapping[str, Estimate]) -> str:
    rows = [f"| {name} | {e.mean:.3f} | {e.low:.3f} to {e.high:.3f} | {e.n} |" for name, e in figures.items()]
    return "\n".join(["| figure | value | 95% interval | n |", "|---|--:|--:|--:|", *rows])


def _parameters(folder: Path) -> int:
    total = 0
    with safe_open(folder / "model.safetensors", framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118 - not a mapping
            total += tensors.get_tensor(name).numel()
    return total
