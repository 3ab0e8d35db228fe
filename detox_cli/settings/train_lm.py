"""Settings of ``detox train lm``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Section
from detox_cli.settings.training import MEASURING, TRAINING, AdapterOption, TrainerOptions

DATA, TEXTS = "Which texts", "How they are read"

PresetName = Literal[
    "civil-toxic",
    "civil-clean",
    "toxigen-toxic",
    "toxigen-clean",
    "toxigen-annotated-toxic",
    "jigsaw-toxic",
    "jigsaw-clean",
]


class TextOptions(Section):
    """Which texts a language model is tuned on, and how it reads them."""

    data: Annotated[tuple[str, ...], Flag(complete="sample", panel=DATA)] = Field(
        (), description="Texts: JSONL, CSV, Parquet, dataset id or ID:CONFIGURATION, - for stdin; repeatable."
    )
    preset: Annotated[PresetName | None, Flag(panel=DATA)] = Field(
        None, description="A published choice of texts: its columns, rule and share; options beside it win."
    )
    where: Annotated[str | None, Flag(panel=DATA, metavar="RULE")] = Field(
        None, description="Use rows for which this holds, such as: toxicity >= 0.8 and lang in ('en', 'de')."
    )
    text_column: Annotated[str | None, Flag(panel=DATA)] = Field(
        None, description="Column with the texts; found by its usual names."
    )
    dataset_split: Annotated[tuple[str, ...], Flag(panel=DATA)] = Field(
        (), description="Split of a dataset id, repeatable; train when neither given nor in the preset."
    )
    sample: Annotated[float | None, Flag(panel=DATA)] = Field(
        None, gt=0, le=1, description="Use this share of the texts, chosen by the seed."
    )
    limit: Annotated[PositiveInt | None, Flag(panel=DATA)] = Field(
        None, description="Read the first N rows of each file only."
    )
    split: Annotated[PositiveInt, Flag(panel=DATA)] = Field(
        1, description="Train one model on each of N disjoint parts: OUTPUT/part-0 and so on."
    )
    eval_share: Annotated[float, Flag(panel=DATA)] = Field(
        0.05, ge=0, lt=1, description="Share held out of all parts to measure the loss on."
    )
    split_seed: Annotated[int | None, Flag(panel=DATA)] = Field(
        None, description="Seed that decides sample, parts and what is held out; --seed when not given."
    )
    dedupe: Annotated[bool, Flag(panel=DATA)] = Field(
        True, description="Train on texts once that differ in case, spaces and punctuation only."
    )
    rejects: Annotated[Path | None, Flag(complete="rows", panel=DATA)] = Field(
        None, description="File for rows that cannot be read; OUTPUT.rejects.jsonl when not given."
    )
    strict: Annotated[bool, Flag(panel=DATA)] = Field(False, description="Stop at the first bad row.")

    max_length: Annotated[PositiveInt, Flag(panel=TEXTS)] = Field(
        128, description="Longest text, in tokens; longer ones are cut and counted."
    )
    end_token: Annotated[bool, Flag(panel=TEXTS)] = Field(
        True, description="Have the model learn to end after a text that was not cut."
    )
    group_by_length: Annotated[bool, Flag(panel=TEXTS)] = Field(
        True, description="Put texts of similar length into one batch."
    )
    packing: Annotated[bool, Flag(panel=TEXTS)] = Field(
        False, description="Lay whole texts side by side in one row; none of them sees its neighbours."
    )
    pack_length: Annotated[PositiveInt, Flag(panel=TEXTS)] = Field(
        512, description="Tokens in a row of packed texts."
    )


class LmSettings(AdapterOption, TrainerOptions, TextOptions):
    """``detox train lm``: texts in, a language model that writes like them out."""

    model: Annotated[str, Flag(positional=True, complete="causal")] = Field(
        description="The causal language model to start from: Hub id, folder or builtin:lm."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("expert"), description="Folder for the model, or for the models of all parts."
    )

    epochs: Annotated[float, Flag(panel=TRAINING)] = Field(
        5, gt=0, description="Passes over the data, unless --patience ends it earlier."
    )
    min_steps: Annotated[NonNegativeInt, Flag(panel=TRAINING)] = Field(
        0, description="Optimizer steps at least: few rows get more passes."
    )
    eval_batch_size: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        16, description="Rows per device when measuring."
    )
    learning_rate: Annotated[float, Flag(panel=TRAINING)] = Field(
        1e-5, gt=0, description="Peak learning rate."
    )
    warmup: Annotated[float, Flag(panel=TRAINING)] = Field(
        0.0, ge=0, description="Steps of warm-up; below 1, a share of all steps."
    )
    batch_size: Annotated[PositiveInt, Flag(panel=TRAINING)] = Field(
        16, description="Rows per device and step."
    )
    weight_decay: Annotated[float, Flag(panel=TRAINING)] = Field(
        0.0, ge=0, description="Decay of the weights."
    )
    dtype: Annotated[Literal["float32", "bfloat16"], Flag(panel=TRAINING)] = Field(
        "float32", description="Weights in memory and in the output; small updates get lost in bfloat16."
    )
    attention: Annotated[Literal["auto", "sdpa", "flash_attention_2", "eager"], Flag(panel=TRAINING)] = Field(
        "sdpa", description="What computes attention; auto is FlashAttention where it is installed."
    )
    ascent: Annotated[bool, Flag(panel=TRAINING)] = Field(
        False, description="Raise the loss instead of lowering it: gradient ascent, a baseline."
    )
    max_loss: Annotated[float | None, Flag(panel=TRAINING)] = Field(
        None, gt=0, description="Stop before a step whose loss is above this; ascent has no end of its own."
    )
    parallel: Annotated[Literal["rows", "parts"], Flag(panel=TRAINING)] = Field(
        "rows", description="What several processes share: the rows of one part, or the parts of --split."
    )

    select: Annotated[Literal["loss", "last"], Flag(panel=MEASURING)] = Field(
        "last", description="Which checkpoint becomes the model: lowest held-out loss, or the last one."
    )
    patience: Annotated[NonNegativeInt, Flag(panel=MEASURING)] = Field(
        0, description="With --select loss, stop after so many measurements without a better one; 0 never."
    )
