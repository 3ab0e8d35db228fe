"""Settings of ``detox negate``."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveInt, field_validator

from detox_cli.settings.base import Flag
from detox_cli.settings.merge import MergeValues, MergeWriting, MethodName
from detox_cli.settings.offers import SETS
from detox_cli.settings.train_lm import PresetName

TRAINING, SWEEP = "Training the experts", "Choosing the scale"
RANGE = re.compile(r"([^:]+):([^:]+):([^:]+)")
AUTO = "auto"
MOST = 200
"""Candidates in one sweep; a mistyped step should not become a week of work."""


class NegateSettings(MergeWriting, MergeValues):
    """``detox negate``: a model without what toxic experts have learnt."""

    base: Annotated[str, Flag(positional=True, complete="causal", metavar="BASE")] = Field(
        description="The model to detoxify, which the experts were trained from: Hub id, folder or "
        "builtin:NAME."
    )
    expert: Annotated[tuple[str, ...], Flag(complete="any model", metavar="EXPERT")] = Field(
        (),
        description="A toxic expert: model, adapter, or a folder of `train lm --split` for all its parts; "
        "repeatable.",
    )
    scale: Annotated[str, BeforeValidator(str), Flag(metavar="S|FROM:TO:STEP|S,S,...|auto")] = Field(
        "1",
        description="How far to go away; several, as 0.1:1.0:0.1 or 0.3,0.5, or auto, are tried, and the "
        "best is written.",
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("detoxified"), description="Folder for the detoxified model."
    )
    method: MethodName = Field("linear", description="How task vectors are merged; linear is their mean.")
    order: Literal["merge-first", "negate-first"] = Field(
        "merge-first", description="Merge, then negate, as the published code does, or the paper's order."
    )
    expert_scale: tuple[float, ...] = Field(
        (1.0,),
        min_length=1,
        description="What every expert's task vector is multiplied by, or one for all; repeatable.",
    )
    orders: bool = Field(
        True, description="Work out what the other order would have given, and print by how much."
    )
    out_dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        None, description="Type of the written numbers; that of the base if not given."
    )
    seed: int = Field(
        0, description="Random seed of merging and measuring; training has its own in [train.lm]."
    )
    overwrite: bool = Field(False, description="Replace the output, and an unfinished run for it.")

    data: Annotated[tuple[str, ...], Flag(complete="sample", panel=TRAINING)] = Field(
        (), description="Toxic text to train the experts on, in place of --expert; repeatable."
    )
    preset: Annotated[PresetName | None, Flag(panel=TRAINING)] = Field(
        None,
        description="A published choice of toxic text, from the Hub or in --data; --expert goes before it.",
    )
    where: Annotated[str | None, Flag(panel=TRAINING)] = Field(
        None, description="Which rows of --data are used, such as 'toxicity>=0.8'."
    )
    text_column: Annotated[str | None, Flag(panel=TRAINING)] = Field(
        None, description="Column of --data with the texts; found by its usual names."
    )
    split: Annotated[PositiveInt, Flag(panel=TRAINING)] = Field(
        5, description="Into how many parts the toxic text is split; one expert is trained on each."
    )
    keep_experts: Annotated[Path | None, Flag(complete="folder", panel=TRAINING)] = Field(
        None, description="Where the experts are kept; OUTPUT.experts if not given."
    )

    prompts: Annotated[str | None, Flag(complete="sample", words=SETS, panel=SWEEP)] = Field(
        None,
        description="Prompts to measure candidates with, as in `eval generation`, whose profile counts "
        "too; bundled openings if neither has any.",
    )
    limit: Annotated[PositiveInt | None, Flag(panel=SWEEP)] = Field(
        None, description="Use the first N prompts of each language only."
    )
    num_samples: Annotated[PositiveInt | None, Flag(panel=SWEEP)] = Field(
        None, description="Continuations per prompt, in place of the protocol's."
    )
    protocol: Annotated[
        Literal["rtp", "crosslingual", "task-vector", "dexperts", "lee2024"] | None, Flag(panel=SWEEP)
    ] = Field(None, description="Whose way of drawing and counting is followed, as in `eval generation`.")
    scorers: Annotated[tuple[str, ...], Flag(names=("-s",), complete="scorer", panel=SWEEP)] = Field(
        (), description="Scorers of toxicity; the first one chooses. Those of `eval generation` if not given."
    )
    text: Annotated[Path | None, Flag(complete="text", panel=SWEEP)] = Field(
        None,
        description="Text on which perplexity is measured: plain, or rows with a column text; bundled prose "
        "if not given.",
    )
    max_ppl_increase: Annotated[
        str, BeforeValidator(str), Flag(metavar="POINTS|PERCENT%|none", panel=SWEEP)
    ] = Field(
        "0.5",
        description="How much perplexity on that text may grow: 0.5 is half a point of perplexity, 2% a "
        "share of the base's.",
    )
    rule: Annotated[Literal["largest", "front"], Flag(panel=SWEEP)] = Field(
        "largest",
        description="Of candidates within that budget: the largest scale, or the best trade on the front.",
    )
    control: Annotated[
        tuple[str, ...], Flag(complete="any model", words=("random",), metavar="random|DIR", panel=SWEEP)
    ] = Field(
        (),
        description="Measured beside the chosen one: random, a step as long in a direction by chance, or a "
        "model; repeatable.",
    )
    picture: Annotated[Literal["svg", "png", "pdf", "none"], Flag(panel=SWEEP)] = Field(
        "svg", description="Form of the picture of the sweep."
    )
    device: Annotated[str, Flag(panel=SWEEP)] = Field(
        "auto", description="Where candidates are measured: auto, cpu, cuda or cuda:N."
    )

    @field_validator("scale")
    @classmethod
    def _are_scales(cls, value: str) -> str:
        if value != AUTO:
            scales_in(value)
        return value

    @field_validator("max_ppl_increase")
    @classmethod
    def _is_a_budget(cls, value: str) -> str:
        if value != "none":
            wrong = "is a number of points such as 0.5, a share such as 2%, or none"
            try:
                number = float(value.removesuffix("%"))
            except ValueError:
                raise ValueError(wrong) from None
            if not 0 <= number < float("inf"):
                raise ValueError(wrong)
        return value

    @property
    def trains(self) -> bool:
        """Whether experts are to be trained."""
        return not self.expert and bool(self.data or self.preset)

    @property
    def experts(self) -> Path:
        """Where experts are kept that are trained."""
        return self.keep_experts or self.output.with_name(self.output.name + ".experts")

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales to try, in growing order; none for ``auto``, which finds its own."""
        return () if self.scale == AUTO else scales_in(self.scale)

    @property
    def sweeps(self) -> bool:
        """Whether candidates are measured."""
        return len(self.scales) != 1

    def budget(self, perplexity: float) -> float:
        """The highest perplexity that is allowed, where that of the base is ``perplexity``."""
        if self.max_ppl_increase == "none":
            return float("inf")
        number = float(self.max_ppl_increase.removesuffix("%"))
        return perplexity * (1 + number / 100) if self.max_ppl_increase.endswith("%") else perplexity + number


def scales_in(text: str) -> tuple[float, ...]:
    """The numbers that ``0.5``, ``0.3,0.5`` or ``0.1:1.0:0.1`` stand for, each once, in growing order.

    Raises:
        ValueError: It is none of these, a number is below zero, or there are too many.
    """
    if found := RANGE.fullmatch(text.strip()):
        first, last, step = (_number(part) for part in found.groups())
        if step <= 0 or last < first:
            raise ValueError("a range is FROM:TO:STEP with FROM below TO, such as 0.1:1.0:0.1")
        count = int((last - first) / step + 1e-9) + 1
        numbers = [round(first + number * step, 9) for number in range(min(count, MOST + 1))]
    else:
        numbers = [_number(part) for part in text.split(",")]
    if not all(0 <= number < float("inf") for number in numbers):
        raise ValueError("a scale is a number from 0 on")
    if len(set(numbers)) > MOST:
        raise ValueError(f"these are more than {MOST} scales")
    return tuple(sorted(set(numbers)))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("write a number, FROM:TO:STEP, several numbers with commas, or auto") from None
