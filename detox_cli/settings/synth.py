"""Settings of ``detox synth``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag
from detox_cli.settings.engine import ENGINE, EngineOptions


class SynthPairsSettings(EngineOptions):
    """``detox synth pairs``: toxic sentences in, pairs out."""

    input: Annotated[str, Flag(positional=True, complete="file")] = Field(
        "-", description="Toxic sentences: CSV, TSV, JSONL, Parquet, text, a dataset id, or - for stdin."
    )
    output: Annotated[str, Flag(("-o",), complete="file")] = Field(
        "-", description="Where the pairs go: JSONL, CSV, TSV or Parquet by suffix, or - for stdout."
    )
    model: Annotated[str, Flag(("-m",), complete="model")] = Field(
        "meta-llama/Llama-3.1-8B-Instruct",
        description="The model that writes: Hub id, folder or builtin:chat.",
    )
    text_column: str | None = Field(None, description="Column with the toxic text; found by its usual names.")
    split: str = Field("train", description="Split of a dataset id.")
    limit: PositiveInt | None = Field(None, description="Use the first N rows only.")

    num_shots: NonNegativeInt = Field(0, description="Worked examples in the prompt.")
    shots: Annotated[str | None, Flag(complete="file")] = Field(
        None, description="Pairs to take the examples from; needed when --num-shots is above 0."
    )
    shot_selection: Literal["last", "random"] = Field(
        "last", description="Which examples: the last of the file, or a seeded random choice."
    )
    shot_style: Literal["turns", "inline"] = Field(
        "turns", description="Examples as chat turns, or labelled lines inside one message."
    )

    temperature: float = Field(0.8, ge=0, description="Sampling temperature; 0 is greedy.")
    top_p: float = Field(0.9, gt=0, le=1, description="Nucleus: smallest set of tokens with this mass.")
    top_k: NonNegativeInt = Field(0, description="Keep the k likeliest tokens; 0 keeps all.")
    max_new_tokens: PositiveInt = Field(64, description="Longest answer, in tokens.")
    seed: int = Field(0, description="Random seed; each row derives its own from it.")

    batch_tokens: Annotated[PositiveInt, ENGINE] = Field(
        8192, description="Tokens in one batch, padding and answers included."
    )

    rejects: Annotated[Path | None, Flag(complete="file")] = Field(
        None, description="File for rows that cannot be read; OUTPUT.rejects.jsonl when not given."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
    overwrite: bool = Field(False, description="Replace an existing output.")
