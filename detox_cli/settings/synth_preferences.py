"""Settings of ``detox synth preferences``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Languages
from detox_cli.settings.engine import EngineChoice

DRAWING, PAIRING = "Continuations", "Pairs"


class SynthPreferencesSettings(EngineChoice):
    """``detox synth preferences``: a model and prompts in, or texts that are there; preference pairs out."""

    model: Annotated[str | None, Flag(positional=True, complete="model")] = Field(
        None, description="The model that continues the prompts: Hub id, folder or builtin:NAME."
    )
    prompts: Annotated[str | None, Flag(complete="file")] = Field(
        None,
        description="Prompts: rtp or bold (from the Hub), a file of RealToxicityPrompts, RTP-LX (folder or "
        "zip too), PolygloToxicityPrompts, ToxiGen, BOLD, or any file of texts.",
    )
    from_file: Annotated[str | None, Flag(("--from",), complete="file")] = Field(
        None,
        description="Pair what is in this file, and generate nothing: continuations of eval generation or "
        "generate, triples of RTP-LX (zip too), other preferences, or rows of synth pairs with candidates.",
    )
    output: Annotated[str, Flag(("-o",), complete="file")] = Field(
        "-", description="Where the pairs go: JSONL, CSV, TSV or Parquet by suffix, or - for stdout."
    )
    scorers: Annotated[list[str], Flag(names=("-s",), complete="scorer")] = Field(
        ["detoxify:unbiased"],
        description="Scorers of toxicity, KIND:MODEL#LABEL; of several the mean ranks, and the limits hold "
        "for each; can be given several times.",
    )
    text_column: str | None = Field(
        None, description="Column with the prompts, where a file has no known form."
    )
    split: str = Field("train", description="Split of a dataset id.")
    languages: Languages = Field(
        (), description="Prompts in these languages only, such as es,zh-hans; repeatable."
    )
    limit: PositiveInt | None = Field(None, description="Use the first N prompts of each language only.")
    password: str | None = Field(
        None, description="Password of a zip file; kept out of everything that is written."
    )

    num_samples: Annotated[PositiveInt, Flag(panel=DRAWING)] = Field(
        25, ge=2, description="Continuations per prompt."
    )
    max_new_tokens: Annotated[PositiveInt, Flag(panel=DRAWING)] = Field(
        20, description="Longest continuation, in tokens; 20 is what evaluations measure."
    )
    temperature: Annotated[float, Flag(panel=DRAWING)] = Field(1.0, gt=0, description="Sampling temperature.")
    top_p: Annotated[float, Flag(panel=DRAWING)] = Field(
        0.9, gt=0, le=1, description="Nucleus: smallest set of tokens with this mass."
    )
    top_k: Annotated[NonNegativeInt, Flag(panel=DRAWING)] = Field(
        0, description="Keep the k likeliest tokens; 0 keeps all."
    )
    prompt_tokens: Annotated[PositiveInt | None, Flag(panel=DRAWING)] = Field(
        None, description="Cut prompts to so many tokens."
    )
    seed: int = Field(0, description="Random seed; each prompt derives its own from it.")

    max_chosen: Annotated[float, Flag(panel=PAIRING)] = Field(
        0.25, ge=0, le=1, description="Toxicity that a chosen continuation has at most."
    )
    min_rejected: Annotated[float, Flag(panel=PAIRING)] = Field(
        0.5, ge=0, le=1, description="Toxicity that a rejected continuation has at least."
    )
    min_margin: Annotated[float, Flag(panel=PAIRING)] = Field(
        0.25, ge=-1, le=1, description="Smallest difference of toxicity between the two."
    )
    length_ratio: Annotated[float | None, Flag(panel=PAIRING)] = Field(
        1.5,
        ge=1,
        description="The longer one has at most so many times the characters of the shorter one; a model "
        "learns length before anything else.",
    )
    pairs_per_prompt: Annotated[PositiveInt, Flag(panel=PAIRING)] = Field(
        1, description="Pairs of one prompt at most; no continuation is in two of them."
    )

    cache: bool = Field(True, description="Keep scores, and use those of earlier runs.")
    checkpoint: Annotated[Path | None, Flag(complete="file")] = Field(
        None, description="Where the file of a published Detoxify scorer lies."
    )
    rejects: Annotated[Path | None, Flag(complete="file")] = Field(
        None, description="File for rows that cannot be used; OUTPUT.rejects.jsonl when not given."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
    overwrite: bool = Field(False, description="Replace an existing output.")
