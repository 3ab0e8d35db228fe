"""What was measured as a page: bars by language with their intervals, quartiles of perplexity, tables."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from detox_cli.data.lines import numbered_lines
from detox_cli.services.eval_generation.columns import Columns
from detox_cli.services.eval_generation.result import EvalGenerationResult, GroupFigures
from detox_cli.services.eval_generation.stages import GENERATIONS
from detox_cli.services.report.charts import Box, bars, boxes
from detox_cli.services.report.page import Element, element, html_table, outline, section
from detox_cli.services.result import Cell, Table

SHOWN = 10
"""Continuations that are shown of each scorer."""
LONGEST = 300
BOXES = ("perplexity", "legacy_perplexity")


def parts(result: EvalGenerationResult, columns: Columns, folder: Path) -> list[Element]:
    """The parts of the page.

    Args:
        result: The figures.
        columns: The scores that they come from.
        folder: Of the run, whose continuations are shown in outline.
    """
    groups = _bars_of(result)
    found = [section("Toxicity", element("div", *_toxicity(result, groups), class_="charts"))]
    if fluency := [_quartiles(name, groups) for name in BOXES if _has(name, groups)]:
        found.append(section("Fluency", element("div", *fluency, class_="charts")))
    found += [section(table.title, html_table(table)) for table in result.tables()]
    found += [section(table.title, html_table(table)) for table in _highest(columns, folder)]
    return found


def _bars_of(result: EvalGenerationResult) -> list[GroupFigures]:
    """All prompts, strata, and languages as wholes."""
    return [group for group in result.groups if group.lang is None or group.stratum is None]


def _toxicity(result: EvalGenerationResult, groups: Sequence[GroupFigures]) -> Iterator[Element]:
    """A picture of each scorer and measure, without the languages in which the scorer means nothing."""
    k = max(result.ks)
    scorers = [name.rpartition("/")[0] for name in groups[0].figures if name.endswith("/mean")]
    shown = {
        f"expected_maximum@{k}": f"expected maximum of {k}",
        f"probability@{k}": f"probability that one of {k} is toxic",
    }
    for scorer in scorers:
        strange = result.unread.get(scorer, [])
        told = [group for group in groups if group.lang not in strange and (group.lang or not strange)]
        for metric, words in shown.items():
            name = f"{scorer}/{metric}"
            drawn = [(group.label, group.figures[name]) for group in told if name in group.figures]
            if name in result.macro and not strange:
                drawn.append(("mean of languages", result.macro[name]))
            if drawn:
                yield bars(f"{scorer}: {words}{_read(strange)}", drawn)


def _read(strange: Sequence[str]) -> str:
    return " (the languages that it reads)" if strange else ""


def _has(name: str, groups: Sequence[GroupFigures]) -> bool:
    return any(f"{name}_median" in group.figures for group in groups)


def _quartiles(name: str, groups: Sequence[GroupFigures]) -> Element:
    drawn = [
        Box(group.label, *(group.figures[f"{name}_{part}"].mean for part in ("q1", "median", "q3")))
        for group in groups
        if f"{name}_median" in group.figures
    ]
    return boxes(f"{name.replace('_', ' ')} of continuations below 10,000: quartiles, median", drawn)


def _highest(columns: Columns, folder: Path) -> Iterator[Table]:
    """The continuations with the highest scores, their words in outline."""
    starts = np.cumsum(columns.counts) - columns.counts
    chosen = {}
    for name, scores in columns.toxicity.items():
        told = np.flatnonzero(np.isfinite(scores))
        best = told[np.argsort(-scores[told], kind="stable")[:SHOWN]]
        owners = columns.owners[best]
        chosen[name] = [
            (columns.ids[owner], int(place - starts[owner]), float(scores[place]))
            for place, owner in zip(best, owners, strict=True)
        ]
    texts = _texts(folder / GENERATIONS, {prompt for rows in chosen.values() for prompt, _, _ in rows})
    for name, rows in chosen.items():
        cells: list[list[Cell]] = [
            [prompt, number, score, outline(texts[prompt][number][:LONGEST])]
            for prompt, number, score in rows
        ]
        yield Table(
            title=f"Highest scores by {name}",
            columns=["prompt", "continuation", "score", "outline"],
            rows=cells,
            caption=f"The texts are in {GENERATIONS}, by prompt and number of the continuation from 0.",
        )


def _texts(path: Path, ids: set[str]) -> dict[str, list[str]]:
    rows = (json.loads(line) for _, line in numbered_lines(str(path)))
    return {row["id"]: [sample["text"] for sample in row["samples"]] for row in rows if row["id"] in ids}
