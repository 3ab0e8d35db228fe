"""Settings of ``detox abliterate``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from detox_cli.settings.base import Flag, Section

MEASURING, WRITING, MODEL = "Measuring", "Writing", "Model"


class AbliterateSettings(Section):
    """``detox abliterate``: a model in, the same model without a behaviour out."""

    model: Annotated[str, Flag(positional=True, complete="model")] = Field(
        "meta-llama/Llama-3.1-8B-Instruct", description="The model: Hub id, folder or builtin:chat."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        Path("abliterated"), description="Folder for the edited model, its card and what it was made of."
    )
    seed: int = Field(0, description="Random seed of splits and samples.")
    overwrite: bool = Field(False, description="Replace the output, and an unfinished run for it.")

    contrast: Annotated[Literal["task"], Flag(panel=MEASURING)] = Field(
        "task",
        description="What is contrasted: task is sentences that the model refused to detoxify against those "
        "that it rewrote.",
    )
    positions: Annotated[PositiveInt, Flag(panel=MEASURING)] = Field(
        3, description="How many of the last tokens of a prompt are measured."
    )

    tied: Annotated[Literal["skip", "untie", "edit"], Flag(panel=WRITING)] = Field(
        "skip",
        description="What to do with a token embedding that is the output head too: leave it, store the head "
        "apart, or edit both.",
    )
    rounding: Annotated[Literal["exact", "nearest"], Flag(panel=WRITING)] = Field(
        "exact", description="How 16-bit numbers are rounded; exact leaves nothing along the directions."
    )
    targets: Annotated[str | None, Flag(panel=WRITING, metavar="REGEX")] = Field(
        None,
        description="For a family that is not known: what writes to the residual stream, as a regular "
        "expression that finds names of tensors.",
    )
    link_untouched: Annotated[bool, Flag(panel=WRITING)] = Field(
        False, description="Share files that stay as they are with the source, as hard links."
    )

    revision: Annotated[str | None, Flag(panel=MODEL)] = Field(
        None, description="Branch, tag or commit of a Hub model."
    )
    device: Annotated[str, Flag(panel=MODEL)] = Field("auto", description="auto, cpu, cuda or cuda:N.")
    dtype: Annotated[Literal["auto", "float32", "bfloat16", "float16"], Flag(panel=MODEL)] = Field(
        "auto", description="Weights in memory while measuring; files keep their own type."
    )
    trust_remote_code: Annotated[bool, Flag(panel=MODEL)] = Field(
        False, description="Run code that the model repository brings."
    )
    batch_tokens: Annotated[PositiveInt, Flag(panel=MODEL)] = Field(
        8192, description="Tokens in one batch, padding and answers included."
    )
