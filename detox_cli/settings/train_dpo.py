"""Settings of ``detox train dpo``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Languages, Section, apart
from detox_cli.settings.offers import SETS, TARGETS
from detox_cli.settings.training import (
    ADAPTER,
    MEASURING,
    TRAINING,
    SeveralSeeds,
    TrainerOptions,
    TunedModel,
)

DATA, METHOD = "Data", "Objective"

LossName = Literal[
    "sigmoid",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
    "sigmoid_norm",
]


class DpoRows(Section):
    """Which preferences, of which model, and by which objective."""

    model: Annotated[str, Flag(positional=True, complete="causal")] = Field(
        description="The decoder-only model to tune: Hub id, folder or builtin:lm."
    )
    data: Annotated[tuple[str, ...], Flag(complete="rows")] = Field(
        min_length=1,
        description="Preferences: JSONL, JSON, CSV, Parquet, a folder, a zip of RTP-LX, a dataset id, or - "
        "for stdin; repeatable.",
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("tuned"), description="Folder for the model."
    )
    export_trl_args: Annotated[Path | None, Flag(complete="folder")] = Field(
        None,
        description="Write what `trl dpo` needs for this training into a folder, rows too, and do not train.",
    )

    map: Annotated[tuple[str, ...], BeforeValidator(apart), Flag(panel=DATA, metavar="ROLE=COLUMN,...")] = (
        Field((), description="Columns, such as prompt=question,chosen=good,rejected=bad; else found.")
    )
    split: Annotated[str, Flag(panel=DATA)] = Field("train", description="Split of a dataset id.")
    limit: Annotated[PositiveInt | None, Flag(panel=DATA)] = Field(
        None, description="Use the first N rows of each file only."
    )
    where: Annotated[str | None, Flag(panel=DATA, metavar="RULE")] = Field(
        None, description="Use rows for which this holds, such as: Index < 700 and score >= 0.8."
    )
    lang: Annotated[Languages, Flag(panel=DATA, metavar="CODE,...")] = Field(
        (), description="Use only rows of these languages; repeatable."
    )
    mix: Annotated[tuple[str, ...], BeforeValidator(apart), Flag(panel=DATA, metavar="CODE:PASSES,...")] = (
        Field((), description="Passes over the rows of a language in an epoch, such as en:1,hi:2.")
    )
    password: Annotated[str | None, Flag(panel=DATA)] = Field(
        None, description="Password of a zip file; better given as DETOX_TRAIN__DPO__PASSWORD."
    )
    swap: Annotated[bool, Flag(panel=DATA)] = Field(
        False, description="Prefer what the data rejects, to make the opposite of a detoxified model."
    )
    dedup: Annotated[bool, Flag(panel=DATA)] = Field(True, description="Train on equal preferences once.")
    char_filter: Annotated[PositiveInt | None, Flag(panel=DATA)] = Field(
        None, description="Leave out rows where prompt and a continuation have more characters, as published."
    )
    length_match: Annotated[float | None, Flag(panel=DATA)] = Field(
        None, ge=1, description="Cut the longer continuation to so many times the tokens of the shorter one."
    )
    max_prompt_tokens: Annotated[PositiveInt | None, Flag(panel=DATA)] = Field(
        None, description="Keep only so many last tokens of a prompt."
    )
    max_length: Annotated[PositiveInt, Flag(panel=DATA)] = Field(
        512, description="Longest prompt with continuation, in tokens; longer continuations are cut."
    )
    append_eos: Annotated[bool, Flag(panel=DATA)] = Field(
        True, description="End every continuation that was not cut with the token that ends a text."
    )
    add_bos: Annotated[bool | None, Flag(panel=DATA)] = Field(
        None, description="Begin every prompt with the token that begins a text; else as the tokenizer does."
    )
    val_fraction: Annotated[float, Flag(panel=DATA)] = Field(
        0.05, ge=0, lt=1, description="Share held out to measure with."
    )
    val_file: Annotated[tuple[str, ...], Flag(complete="rows", panel=DATA)] = Field(
        (), description="Measure with these preferences; their prompts are not trained on. Repeatable."
    )
    val_group: Annotated[Literal["prompt", "row"], Flag(panel=DATA)] = Field(
        "prompt", description="Hold out whole prompts with their translations, or rows, as published."
    )
    split_seed: Annotated[int | None, Flag(panel=DATA)] = Field(
        None, description="Seed that decides which rows are held out; --seed when not given."
    )
    rejects: Annotated[Path | None, Flag(complete="rows", panel=DATA)] = Field(
        None, description="File for rows that cannot be used; OUTPUT.rejects.jsonl when not given."
    )
    strict: Annotated[bool, Flag(panel=DATA)] = Field(False, description="Stop at the first bad row.")

    loss: Annotated[tuple[LossName, ...], BeforeValidator(apart), Flag(panel=METHOD, metavar="NAME")] = Field(
        ("sigmoid",),
        min_length=1,
        description="Loss, or several that are added; any that TRL has; repeatable.",
    )
    loss_weight: Annotated[tuple[float, ...], Flag(panel=METHOD)] = Field(
        (), description="Weight of each --loss, in their order; 1 each if not given."
    )
    beta: Annotated[float, Flag(panel=METHOD)] = Field(
        0.1, gt=0, description="How much moving away from the reference costs."
    )
    label_smoothing: Annotated[float, Flag(panel=METHOD)] = Field(
        0.0, ge=0, lt=0.5, description="Share of preferences that are believed to be the wrong way round."
    )
    sft_weight: Annotated[float, Flag(panel=METHOD)] = Field(
        0.0, ge=0, description="Weight of the plain language-model loss on preferred continuations."
    )
    ref_model: Annotated[str | None, Flag(complete="causal", panel=METHOD)] = Field(
        None, description="The reference; the model as it is at the start, if not given."
    )
    precompute_ref: Annotated[bool, Flag(panel=METHOD)] = Field(
        True, description="Ask the reference once, before training, and keep only its answers."
    )


class DpoAdapter(Section):
    """The adapter that is trained if one is asked for."""

    lora: Annotated[str | None, Flag(panel=ADAPTER, metavar="RANK,ALPHA,DROPOUT")] = Field(
        None,
        description="Train a LoRA adapter: its rank, its alpha (twice the rank) and its dropout (0).",
    )
    rslora: Annotated[bool, Flag(panel=ADAPTER)] = Field(
        False, description="Scale the adapter by the root of its rank."
    )
    dora: Annotated[bool, Flag(panel=ADAPTER)] = Field(
        False, description="Train lengths and directions of the weights apart."
    )
    target: Annotated[tuple[str, ...], BeforeValidator(apart), Flag(words=TARGETS, panel=ADAPTER)] = Field(
        ("all-linear",),
        min_length=1,
        description="Layers with an adapter: all-linear, mlp, attn, names of modules, or re:PATTERN.",
    )


class DpoSettings(TunedModel, DpoAdapter, SeveralSeeds, TrainerOptions, DpoRows):
    """``detox train dpo``: preferences in, a model that continues like the preferred ones out."""

    epochs: Annotated[float, Flag(panel=TRAINING)] = Field(
        3.0, gt=0, description="Passes over the data, unless --patience ends it earlier."
    )
    min_steps: Annotated[NonNegativeInt, Flag(panel=TRAINING)] = Field(
        0, description="Optimizer steps at least: few rows get more passes."
    )
    learning_rate: Annotated[float | None, Flag(panel=TRAINING)] = Field(  # type: ignore[assignment]
        None, gt=0, description="Peak learning rate: 5e-6, and 1e-4 for adapters, if not given."
    )
    warmup: Annotated[float, Flag(panel=TRAINING)] = Field(
        0.1, ge=0, description="Steps of warm-up; below 1, a share of all steps."
    )
    batch_size: Annotated[PositiveInt, Flag(panel=TRAINING)] = Field(
        8, description="Preferences per device and batch."
    )
    accumulate: Annotated[PositiveInt, Flag(panel=TRAINING)] = Field(
        4, description="Batches whose gradients are added before a step."
    )
    weight_decay: Annotated[float, Flag(panel=TRAINING)] = Field(
        0.0, ge=0, description="Decay of the weights."
    )
    group_by_length: Annotated[bool, Flag(panel=TRAINING)] = Field(
        True, description="Put rows of similar length into one batch."
    )

    eval_every: Annotated[float, Flag(panel=MEASURING)] = Field(
        0.25, gt=0, description="Epochs between measurements and checkpoints."
    )
    eval_steps: Annotated[PositiveInt | None, Flag(panel=MEASURING)] = Field(
        None, description="The same in optimizer steps."
    )
    eval_rows: Annotated[PositiveInt | None, Flag(panel=MEASURING)] = Field(
        512, description="Held-out preferences to measure with, chosen once."
    )
    eval_batch_size: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        16, description="Preferences per device when measuring and when asking the reference."
    )
    select: Annotated[Literal["loss", "toxicity", "last"], Flag(panel=MEASURING)] = Field(
        "loss", description="Which checkpoint becomes the model: lowest loss, least toxic, or the last one."
    )
    patience: Annotated[NonNegativeInt, Flag(panel=MEASURING)] = Field(
        5, description="Stop after so many measurements without a better one; 0 never stops early."
    )
    prompts: Annotated[str | None, Flag(complete="sample", words=SETS, panel=MEASURING)] = Field(
        None, description="Prompts to continue at each measurement, a file or rtp; needed by what follows."
    )
    prompt_rows: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        100, description="The first so many of them, of each language."
    )
    samples: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        5, description="Continuations of each prompt."
    )
    toxicity: Annotated[str, Flag(complete="scorer", panel=MEASURING)] = Field(
        "detoxify:unbiased", description="Scorer of these continuations."
    )
    track_neurons: Annotated[Path | None, Flag(complete="neurons", panel=MEASURING)] = Field(
        None,
        description="Probe, or list of neurons: how active those are that write towards it, at each "
        "measurement and by language of --prompts.",
    )
    max_kl: Annotated[float | None, Flag(panel=MEASURING)] = Field(
        None, gt=0, description="Stop where the model is further from its start than this, in nats per token."
    )
    max_ppl_increase: Annotated[float | None, Flag(panel=MEASURING)] = Field(
        None, gt=0, description="Stop where the start finds continuations so much less likely; .25 is 25%."
    )
    max_language_loss: Annotated[float | None, Flag(panel=MEASURING)] = Field(
        None,
        ge=0,
        le=1,
        description="Stop where the share of continuations in their prompt's language has fallen by more "
        "than this; needs the extra languages.",
    )
    target_toxicity: Annotated[float | None, Flag(panel=MEASURING)] = Field(
        None,
        gt=0,
        lt=1,
        description="With --select toxicity, stop once the expected maximum toxicity is this low, inside "
        "what bounds it.",
    )

    @property
    def adapted(self) -> bool:
        """Whether an adapter is trained, not the whole model."""
        return self.lora is not None or self.qlora is not None

    @property
    def rate(self) -> float:
        """The peak learning rate."""
        return self.learning_rate or (1e-4 if self.adapted else 5e-6)
