"""Settings of ``detox merge``."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, field_validator

from detox_cli.settings.base import Flag, Section

VALUES, ADAPTER, WRITING = "Values of the method", "Adapters", "Writing"
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B", re.IGNORECASE)
POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}

MethodName = Literal[
    "linear",
    "task_arithmetic",
    "slerp",
    "nuslerp",
    "ties",
    "dare_linear",
    "dare_ties",
    "della",
    "della_linear",
    "breadcrumbs",
    "breadcrumbs_ties",
    "model_stock",
]


class MergeValues(Section):
    """What the methods of a merge may use."""

    weight: Annotated[tuple[float, ...], Flag(panel=VALUES)] = Field(
        (1.0,), min_length=1, description="The weight of every model, or one for all; repeatable."
    )
    density: Annotated[tuple[float, ...], Flag(panel=VALUES)] = Field(
        (1.0,), min_length=1, description="The share of every task vector that is kept; repeatable."
    )
    gamma: Annotated[tuple[float, ...], Flag(panel=VALUES)] = Field(
        (0.01,), min_length=1, description="The share of largest numbers that breadcrumbs drop; repeatable."
    )
    epsilon: Annotated[tuple[float, ...], Flag(panel=VALUES)] = Field(
        (0.15,), min_length=1, description="How far della moves densities by size; repeatable."
    )
    t: Annotated[float | None, Flag(panel=VALUES)] = Field(
        None, ge=0, le=1, description="Where slerp goes between the first model (0) and the second (1)."
    )
    normalize: Annotated[bool | None, Flag(panel=VALUES)] = Field(
        None, description="Divide by the sum of the weights; if not given, as the method does."
    )
    rescale: Annotated[bool | None, Flag(panel=VALUES)] = Field(
        None, description="Scale up what is kept by chance; if not given, as the method does."
    )


class MergeWriting(Section):
    """How merged weights become files."""

    rounding: Annotated[Literal["nearest", "stochastic"], Flag(panel=WRITING)] = Field(
        "nearest",
        description="How sums become 16-bit numbers: nearest, or stochastic, which keeps small steps.",
    )
    shard_size: Annotated[str, Flag(panel=WRITING, metavar="SIZE")] = Field(
        "5GB", description="The most that one file of weights holds, such as 500MB."
    )
    threads: Annotated[PositiveInt | None, Flag(panel=WRITING)] = Field(
        None, description="How many threads work; one per processor core if not given."
    )
    hash_inputs: Annotated[bool, Flag(panel=WRITING)] = Field(
        True, description="Record a hash of every file of weights, taken as it is read, in detox.json."
    )

    @field_validator("shard_size")
    @classmethod
    def _is_a_size(cls, value: str) -> str:
        found = SIZE.fullmatch(value.strip())
        if found is None or float(found[1]) <= 0:
            raise ValueError("is a size such as 5GB or 500MB")
        return value

    @property
    def shard_bytes(self) -> int:
        """``shard_size`` in bytes; a kilobyte is 1,000."""
        found = SIZE.fullmatch(self.shard_size.strip())
        assert found is not None
        return int(float(found[1]) * 1000 ** POWERS[found[2].upper()])


class MergeSettings(MergeWriting, MergeValues):
    """``detox merge``: models of one kind in, one model out."""

    models: Annotated[tuple[str, ...], Flag(positional=True, complete="any model", metavar="MODEL")] = Field(
        (),
        description="The models: Hub ids, folders, builtin:NAME, or adapter folders; @REVISION and +ADAPTER "
        "may follow.",
    )
    recipe: Annotated[Path | None, Flag(complete="recipe")] = Field(
        None, description="A recipe of mergekit (YAML), in place of models, method and values."
    )
    method: MethodName = Field("linear", description="How to merge.")
    base: Annotated[str | None, Flag(complete="any model")] = Field(
        None, description="The model that task vectors are counted from."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("merged"), description="Folder for the merged model."
    )
    seed: int = Field(0, description="Random seed of what is dropped or rounded by chance.")
    overwrite: bool = Field(False, description="Replace the output, and an unfinished run for it.")

    scale: Annotated[float, Flag(panel=VALUES)] = Field(
        1.0, description="What the merged task vector is multiplied by; lambda in recipes."
    )

    adapter: Annotated[Path | None, Flag(complete="folder", panel=ADAPTER)] = Field(
        None, description="Fold this LoRA adapter into the one model that is named."
    )
    extract: Annotated[PositiveInt | None, Flag(panel=ADAPTER, metavar="RANK")] = Field(
        None, description="Write what MODEL adds to --base as a LoRA adapter of this rank; nothing is merged."
    )
    compare: Annotated[bool, Flag(panel=ADAPTER)] = Field(
        True, description="Compare the logits of model plus adapter with those of the folded model."
    )

    dtype: Annotated[Literal["float32", "bfloat16", "float16"] | None, Flag(panel=WRITING)] = Field(
        None,
        description="Type of the written numbers; that of the base, or of the first model, if not given.",
    )
    tokenizer: Annotated[str | None, Flag(complete="model", words=("base", "union"), panel=WRITING)] = Field(
        None, description="Whose tokens the result has, where vocabularies differ: base, union or a model."
    )
