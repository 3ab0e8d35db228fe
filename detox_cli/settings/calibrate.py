"""Settings of ``detox eval calibrate``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt

from detox_cli.settings.base import Flag, Languages, Section


class EvalCalibrateSettings(Section):
    """``detox eval calibrate``: a scorer and human labels in, how far it can be believed out."""

    scorer: Annotated[str, Flag(positional=True, complete="scorer", metavar="SCORER")] = Field(
        description="What is calibrated: KIND:TARGET#LABEL."
    )
    labels: Annotated[tuple[str, ...], Flag(complete="sample", metavar="FILE")] = Field(
        description="Texts that people labelled: JSONL, CSV, TSV, Parquet, pairs, RealToxicityPrompts, or "
        "RTP-LX as zip or folder; LANG=FILE says their language; repeatable.",
    )
    hatecheck: Annotated[tuple[str, ...], Flag(complete="rows", metavar="FILE")] = Field(
        (), description="Cases of HateCheck or its translations, for the table by function; LANG=FILE."
    )
    output: Annotated[Path | None, Flag(("-o",), complete="folder")] = Field(
        None, description="Folder for calibration.json, the scores and the report; calibrated:FOLDER uses it."
    )
    languages: Languages = Field(
        (),
        description="Languages the scorer is wanted for, such as de,fr; those without evidence are named.",
    )
    text_column: str | None = Field(None, description="Column with the text; found by its usual names.")
    label_column: str | None = Field(None, description="Column with the label; found by its usual names.")
    lang: str = Field("und", description="Language of rows of which neither file name nor column says it.")
    toxic_from: float = Field(0.5, description="From which number on a label means toxic.")
    soft: bool = Field(
        False, description="Fit the map to the labels' own numbers from 0 to 1, such as Perspective's in RTP."
    )
    least: PositiveInt = Field(
        50, description="Fewest toxic, and fewest other, texts for a map of a language's own."
    )
    password: str | None = Field(None, description="Password of a zip file with labels.")
    checkpoint: Annotated[Path | None, Flag(complete="weights")] = Field(
        None, description="Published file of detoxify:NAME, or its folder; then nothing is fetched."
    )
    limit: PositiveInt | None = Field(None, description="Use the first N rows of each file only.")
    seed: int = Field(0, description="Random seed of the folds and the bootstrap.")
    resamples: PositiveInt = Field(1000, description="Draws of the bootstrap.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N.")
    batch_tokens: PositiveInt = Field(2048, description="Tokens in one batch of a scorer, padding included.")
    cache: bool = Field(True, description="Keep scores, and use those of earlier runs.")
    rejects: Annotated[Path | None, Flag(complete="rows")] = Field(
        None, description="File for rows that cannot be used; OUTPUT.rejects.jsonl with -o."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
    overwrite: bool = Field(False, description="Replace an existing output.")
