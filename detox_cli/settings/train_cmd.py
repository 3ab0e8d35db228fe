"""Settings of ``detox train cmd``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt

from detox_cli.settings.base import Flag, Section, apart
from detox_cli.settings.offers import CHAINS, TARGETS
from detox_cli.settings.training import (
    ADAPTER,
    MEASURING,
    TRAINING,
    SeveralSeeds,
    TrainerOptions,
    TunedModel,
)

DATA, METHOD = "Data", "Contrast"


class CmdLessons(Section):
    """What is learnt, by which model, and what answers are set against."""

    model: Annotated[str, Flag(positional=True, complete="model")] = Field(
        description="The model to tune, decoder-only or encoder-decoder: Hub id, folder or builtin:lm."
    )
    data: Annotated[str, Flag(complete="rows")] = Field(
        description="Chains: the folder or a file of detox synth chain, or a published rtp_cmd.json."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("detoxified"), description="Folder for the model."
    )

    template: Annotated[str | None, Flag(complete="form", words=CHAINS, panel=DATA)] = Field(
        None, description="Form of the chains: its name, or a .toml file; that of the data if not given."
    )
    mode: Annotated[Literal["chain", "direct", "both"], Flag(panel=DATA)] = Field(
        "chain",
        description="Learn chains, direct answers, or both: a chain for toxic prompts, none for safe ones.",
    )
    limit: Annotated[PositiveInt | None, Flag(panel=DATA)] = Field(
        None, description="Use the first N chains only."
    )
    max_length: Annotated[PositiveInt, Flag(panel=DATA)] = Field(
        512, description="Longest prompt with chain, in tokens; of an encoder-decoder, each of the two."
    )
    over_length: Annotated[Literal["truncate-prompt", "drop", "error"], Flag(panel=DATA)] = Field(
        "drop", description="What is done with longer ones: cut the prompt at its front, drop, or stop."
    )
    val_fraction: Annotated[float, Flag(panel=DATA)] = Field(
        0.05, ge=0, lt=1, description="Share of the prompts held out to measure with."
    )
    split_seed: Annotated[int | None, Flag(panel=DATA)] = Field(
        None, description="Seed that decides which prompts are held out; --seed when not given."
    )
    rejects: Annotated[Path | None, Flag(complete="rows", panel=DATA)] = Field(
        None, description="File for rows that cannot be used; OUTPUT.rejects.jsonl when not given."
    )
    strict: Annotated[bool, Flag(panel=DATA)] = Field(False, description="Stop at the first bad row.")

    contrast: Annotated[Literal["cmd", "dpo", "unlikelihood", "none"], Flag(panel=METHOD)] = Field(
        "dpo",
        description="What sets answers against toxic ones: the published loss is cmd; none is plain tuning.",
    )
    alpha: Annotated[float, Flag(panel=METHOD)] = Field(
        0.5, ge=0, description="Weight of the contrast beside the loss of the chains; 0 is plain tuning."
    )
    max_neg: Annotated[PositiveInt, Flag(panel=METHOD)] = Field(
        3, description="Toxic answers of a chain at most."
    )
    beta: Annotated[float, Flag(panel=METHOD)] = Field(
        0.1, gt=0, description="With dpo: how much moving away from the start costs."
    )
    tau: Annotated[float, Flag(panel=METHOD)] = Field(
        0.1,
        gt=0,
        description="With cmd: temperature over cosines; published is 1, which hardly tells them apart.",
    )
    pool: Annotated[Literal["mask-mean", "all"], Flag(panel=METHOD)] = Field(
        "mask-mean", description="With cmd: states of an answer's tokens, or of 24 positions with padding."
    )
    contrast_context: Annotated[Literal["none", "prompt"], Flag(panel=METHOD)] = Field(
        "prompt", description="With cmd: read answers after their chain, or alone, as published."
    )
    anchor: Annotated[Literal["sample", "teacher"], Flag(panel=METHOD)] = Field(
        "teacher",
        description="With cmd: compare with the learnt answer, or with a sampled one, as published.",
    )
    anchor_every: Annotated[PositiveInt, Flag(panel=METHOD)] = Field(
        1, description="With --anchor sample: sample, and add the contrast, at every Nth step only."
    )


class CmdAdapter(Section):
    """The adapter that is trained by default."""

    lora: Annotated[str, Flag(panel=ADAPTER, metavar="RANK,ALPHA,DROPOUT")] = Field(
        "8,16,0.05", description="Shape of the LoRA adapter; none tunes the whole model."
    )
    target: Annotated[
        tuple[str, ...], BeforeValidator(apart), Flag(words=("auto", *TARGETS), panel=ADAPTER)
    ] = Field(
        ("auto",),
        min_length=1,
        description="Layers with an adapter: auto as published, all-linear, mlp, attn, names, or re:PATTERN.",
    )


class CmdSettings(TunedModel, CmdAdapter, SeveralSeeds, TrainerOptions, CmdLessons):
    """``detox train cmd``: chains in, a model that detoxifies its own context out."""

    epochs: Annotated[float, Flag(panel=TRAINING)] = Field(
        5, gt=0, description="Passes over the chains, unless --patience ends it earlier."
    )
    min_steps: Annotated[NonNegativeInt, Flag(panel=TRAINING)] = Field(
        0, description="Optimizer steps at least: few rows get more passes."
    )
    learning_rate: Annotated[float, Flag(panel=TRAINING)] = Field(
        5e-4, gt=0, description="Peak learning rate; the whole model wants less than an adapter."
    )
    schedule: Annotated[
        Literal["linear", "cosine", "constant", "constant_with_warmup"], Flag(panel=TRAINING)
    ] = Field("cosine", description="How the learning rate falls.")
    warmup: Annotated[float, Flag(panel=TRAINING)] = Field(
        0.03, ge=0, description="Steps of warm-up; below 1, a share of all steps."
    )
    batch_size: Annotated[PositiveInt, Flag(panel=TRAINING)] = Field(
        8, description="Chains per device and batch."
    )
    accumulate: Annotated[PositiveInt, Flag(panel=TRAINING)] = Field(
        4, description="Batches whose gradients are added before a step."
    )
    weight_decay: Annotated[float, Flag(panel=TRAINING)] = Field(
        0.0, ge=0, description="Decay of the weights."
    )
    group_by_length: Annotated[bool, Flag(panel=TRAINING)] = Field(
        True, description="Put chains of similar length into one batch."
    )

    eval_batch_size: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        16, description="Chains per device when measuring and when asking the reference."
    )
    select: Annotated[Literal["loss", "last"], Flag(panel=MEASURING)] = Field(
        "last", description="Which checkpoint becomes the model: lowest held-out loss, or the last one."
    )
    patience: Annotated[NonNegativeInt, Flag(panel=MEASURING)] = Field(
        0, description="With --select loss, stop after so many measurements without a better one; 0 never."
    )

    @property
    def adapted(self) -> bool:
        """Whether an adapter is trained, not the whole model."""
        return self.lora != "none"

    @property
    def contrasted(self) -> bool:
        """Whether anything is added to the loss of the chains."""
        return self.contrast != "none" and self.alpha > 0
