"""Settings of ``detox synth preferences``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Languages
from detox_cli.settings.engine import EngineChoice
from detox_cli.settings.offers import SETS

DRAWING, STEERING, PAIRING = "Continuations", "Steering (--method pplm)", "Pairs"


class SynthPreferencesSettings(EngineChoice):
    """``detox synth preferences``: a model and prompts in, or texts that are there; preference pairs out."""

    model: Annotated[str | None, Flag(positional=True, complete="causal")] = Field(
        None, description="The model that continues the prompts: Hub id, folder or builtin:NAME."
    )
    prompts: Annotated[str | None, Flag(complete="sample", words=SETS)] = Field(
        None,
        description="Prompts: rtp or bold (from the Hub), a file of RealToxicityPrompts, RTP-LX (folder or "
        "zip too), PolygloToxicityPrompts, ToxiGen, BOLD, or any file of texts.",
    )
    from_file: Annotated[str | None, Flag(("--from",), complete="rows")] = Field(
        None,
        description="Pair what is in this file, and generate nothing: continuations of eval generation or "
        "generate, triples of RTP-LX (zip too), other preferences, or rows of synth pairs with candidates.",
    )
    output: Annotated[str, Flag(("-o",), complete="rows")] = Field(
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

    method: Annotated[Literal["sample", "pplm"], Flag(panel=DRAWING)] = Field(
        "sample",
        description="Pair continuations that are sampled; or the greedy one with one that a probe steers, as "
        "the published pairs were made.",
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
    top_k: Annotated[NonNegativeInt | None, Flag(panel=DRAWING)] = Field(
        None, description="Keep the k likeliest tokens; 0 keeps all. 10 with pplm, else 0, if not given."
    )
    prompt_tokens: Annotated[PositiveInt | None, Flag(panel=DRAWING)] = Field(
        None, description="Cut prompts to so many tokens."
    )
    seed: int = Field(0, description="Random seed; each prompt derives its own from it.")

    probe: Annotated[Path | None, Flag(complete="weights", panel=STEERING)] = Field(
        None, description="What steers: the folder of probe train, its file, or a published .pt."
    )
    step_size: Annotated[float, Flag(panel=STEERING)] = Field(
        0.4, gt=0, description="Length of a step that keys and values are moved by."
    )
    iterations: Annotated[PositiveInt, Flag(panel=STEERING)] = Field(
        50, description="Steps before each token."
    )
    window: Annotated[NonNegativeInt, Flag(panel=STEERING)] = Field(
        0, description="Move the keys and values of so many last tokens; 0 moves all."
    )
    horizon: Annotated[NonNegativeInt, Flag(panel=STEERING)] = Field(
        1, description="Expected tokens that the probe reads ahead."
    )
    gamma: Annotated[NonNegativeFloat, Flag(panel=STEERING)] = Field(
        1.0, description="Power of its norm that the gradient is divided by."
    )
    gm_scale: Annotated[float, Flag(panel=STEERING)] = Field(
        0.95, ge=0, le=1, description="Weight of the steered distribution beside the plain one."
    )
    kl_scale: Annotated[NonNegativeFloat, Flag(panel=STEERING)] = Field(
        0.1, description="How much moving away from the plain distribution costs."
    )

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
    checkpoint: Annotated[Path | None, Flag(complete="weights")] = Field(
        None, description="Where the file of a published Detoxify scorer lies."
    )
    rejects: Annotated[Path | None, Flag(complete="rows")] = Field(
        None, description="File for rows that cannot be used; OUTPUT.rejects.jsonl when not given."
    )
    strict: bool = Field(False, description="Stop at the first bad row.")
    overwrite: bool = Field(False, description="Replace an existing output.")
