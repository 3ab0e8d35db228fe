"""Settings of ``detox eval rewrite``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from detox_cli.settings.base import Flag
from detox_cli.settings.cluster import RAY, ClusterOptions
from detox_cli.settings.rewrites import SCORERS, RewriteScoring


class EvalRewriteSettings(RewriteScoring, ClusterOptions):
    """``detox eval rewrite``: systems' rewrites in, STA, SIM, FL and J out."""

    lexicon: Annotated[Path | None, Flag(complete="text", panel=SCORERS)] = Field(
        None,
        description="Words for the delete baseline and the residue; a bundled English list if not given.",
    )
    baselines: bool = Field(True, description="Add copying, deleting listed words, and the references.")
    rows: Annotated[Path | None, Flag(complete="rows")] = Field(
        None, description="File for the scores of every row: JSONL, CSV, TSV or Parquet."
    )
    fail_if: Annotated[tuple[str, ...], Flag(metavar="FIGURE<VALUE")] = Field(
        (),
        description="Exit with 5 if a figure of a system is so, such as 'J<0.4' or 'STA[SYSTEM in de]<0.5'; "
        "repeatable.",
    )
    fail_below: Annotated[tuple[str, ...], Flag(metavar="METRIC=VALUE")] = Field(
        (), description="The same as --fail-if METRIC<VALUE; repeatable."
    )
    meta: Annotated[Path | None, Flag(complete="file", metavar="PATH")] = Field(
        None,
        description="Human ratings of CLEF 2024, table or folder: how far the suite agrees with people.",
    )
    engine: Annotated[Literal["transformers", "ray"], RAY] = Field(
        "transformers",
        description="What runs the scorers: this process, or the actors of a Ray cluster (an extra).",
    )
    batch_tokens: PositiveInt = Field(2048, description="Tokens in one batch of a scorer, padding included.")
