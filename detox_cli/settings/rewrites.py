"""Rewrites and how they are scored: the options that the commands share which score rewriting systems."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from detox_cli.settings.base import Flag, Section

SCORERS = "Scorers"


class RewriteScoring(Section):
    """Files of rewrites, a suite with its scorers, and where the scores go."""

    files: Annotated[tuple[str, ...], Flag(positional=True, complete="rows", metavar="FILE")] = Field(
        ("-",),
        description="Rewrites, a file per system: JSONL, CSV, TSV, Parquet, or - for stdin; "
        "NAME=FILE gives the system a name.",
    )
    suite: Literal["detox", "pseudoparadetox", "paradetox2022", "clef2024", "clef2025"] = Field(
        "detox", description="How STA, SIM, FL and J are defined."
    )
    sta: Annotated[str | None, Flag(complete="scorer", panel=SCORERS)] = Field(
        None, description="Scorer of toxicity in place of the suite's: KIND:MODEL#LABEL."
    )
    sim: Annotated[str | None, Flag(complete="similarity", panel=SCORERS)] = Field(
        None, description="Scorer of similarity in place of the suite's."
    )
    fl: Annotated[str | None, Flag(complete="fluency", panel=SCORERS)] = Field(
        None, description="Scorer of fluency in place of the suite's."
    )
    references: Annotated[str | None, Flag(complete="sample")] = Field(
        None, description="Human rewrites, joined by id, or by source text where either file has no ids."
    )
    output: Annotated[Path | None, Flag(("-o",), complete="folder")] = Field(
        None, description="Folder for rows.jsonl, summary.json, summary.md and detox.json."
    )
    toxic_column: str | None = Field(None, description="Column with the source; found by its usual names.")
    output_column: str | None = Field(None, description="Column with the rewrite; found by its usual names.")
    reference_columns: tuple[str, ...] = Field(
        (), description="Columns with human rewrites; found by their usual names."
    )
    abstain_text: str | None = Field(
        None,
        description="What a system answers to decline a source; a column 'abstained' says it as well.",
    )
    limit: PositiveInt | None = Field(None, description="Use the first N rows of each file only.")
    seed: int = Field(0, description="Random seed of the bootstrap.")
    resamples: PositiveInt = Field(1000, description="Draws of the bootstrap.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N.")
    cache: bool = Field(True, description="Keep scores, and use those of earlier runs.")
    rejects: Annotated[Path | None, Flag(complete="rows")] = Field(
        None, description="File for rows that cannot be read; OUTPUT.rejects.jsonl with -o."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
    overwrite: bool = Field(False, description="Replace an existing output.")
