"""Settings of ``detox generate``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag
from detox_cli.settings.chains import PANEL, ChainOptions
from detox_cli.settings.engine import EngineOptions


class GenerateSettings(EngineOptions, ChainOptions):
    """``detox generate``: prompts in, continuations or rewrites out."""

    model: Annotated[str, Flag(positional=True, complete="model")] = Field(
        description="The model that writes: Hub id, folder or builtin:NAME; decoder-only or encoder-decoder."
    )
    input: Annotated[str, Flag(positional=True, complete="sample")] = Field(
        "-", description="Prompts: CSV, TSV, JSONL, Parquet, text, a dataset id, or - for stdin."
    )
    output: Annotated[str, Flag(("-o",), complete="rows")] = Field(
        "-", description="Where the answers go: JSONL, CSV, TSV or Parquet by suffix, or - for stdout."
    )
    text_column: str | None = Field(None, description="Column with the prompts; found by its usual names.")
    split: str = Field("train", description="Split of a dataset id.")
    limit: PositiveInt | None = Field(None, description="Use the first N rows only.")

    chat: bool = Field(
        False, description="Send every prompt as a user's message, in the model's chat format."
    )
    system: str | None = Field(None, description="System message before it; needs --chat.")
    prefix: str = Field("", description="Text put before every prompt, such as 'paraphrase: ' for T5.")

    num_samples: PositiveInt = Field(1, description="Answers per prompt.")
    max_new_tokens: PositiveInt | None = Field(
        None,
        description="Longest answer, in tokens: 64, or what an encoder-decoder's own settings say; "
        "of chains what stands in them, whole.",
    )
    temperature: float | None = Field(
        None,
        ge=0,
        description="Sampling temperature, 0 is greedy: 0.8, or the encoder-decoder's own settings.",
    )
    top_p: float | None = Field(
        None, gt=0, le=1, description="Nucleus: smallest set of tokens with this mass; 0.9, or the same."
    )
    top_k: NonNegativeInt | None = Field(None, description="Keep the k likeliest tokens; 0 keeps all.")
    num_beams: PositiveInt | None = Field(
        None, description="Beam search with this width: 1, or what an encoder-decoder's own settings say."
    )
    no_repeat_ngram_size: NonNegativeInt | None = Field(
        None, description="Write no sequence of so many tokens twice; 0 allows all."
    )
    stop: list[str] = Field([], description="Text that ends an answer; can be given several times.")
    seed: int = Field(0, description="Random seed; each row derives its own from it.")

    show_chain: Annotated[bool, Flag(panel=PANEL)] = Field(
        False, description="Put what the model wrote, word for word, into the rows as well."
    )
    answer_only: Annotated[bool, Flag(panel=PANEL)] = Field(
        False, description="Leave the steps of the chain out of the rows."
    )

    rejects: Annotated[Path | None, Flag(complete="rows")] = Field(
        None, description="File for rows that cannot be used; OUTPUT.rejects.jsonl when not given."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
    overwrite: bool = Field(False, description="Replace an existing output.")
