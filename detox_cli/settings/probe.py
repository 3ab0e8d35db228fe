"""What commands that look inside a model share."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from detox_cli.settings.base import Flag, Section

MODEL = Flag(panel="Model")


def words(value: object) -> object:
    """``0,3,final`` as the command line has it; a profile may have a list."""
    if isinstance(value, str | int):
        return [word.strip() for word in str(value).split(",") if word.strip()]
    return value


class ProbeModel(Section):
    """A model that is looked into: it runs in this process."""

    model: Annotated[str, Flag(positional=True, complete="causal", metavar="MODEL")] = Field(
        description="The model to look into: Hub id, folder or builtin:NAME."
    )
    revision: Annotated[str | None, MODEL] = Field(None, description="Branch, tag or commit of a Hub model.")
    device: Annotated[str, MODEL] = Field("auto", description="auto, cpu, cuda or cuda:N.")
    dtype: Annotated[Literal["auto", "float32", "bfloat16", "float16"], MODEL] = Field(
        "auto", description="Weights in memory."
    )
    trust_remote_code: Annotated[bool, MODEL] = Field(
        False, description="Run code that the model repository brings."
    )
    batch_tokens: Annotated[PositiveInt, MODEL] = Field(
        16384, description="Tokens in one batch, padding included; on a processor 1024 at most."
    )


class ProbeReading(ProbeModel):
    """A model whose hidden states are read, one vector for each text and place."""

    layers: Annotated[tuple[str, ...], BeforeValidator(words), Flag(metavar="all|0,1,...", commas=True)] = (
        Field(
            ("all",),
            min_length=1,
            description="Where hidden states are read: all, or some of embedding, 0, 1, ... (a block) and "
            "final (after the final norm).",
        )
    )
    pooling: Literal["mean", "last", "max"] = Field(
        "mean", description="How the states of a text's tokens become one vector."
    )
    output: Annotated[Path, Flag(("-o",), complete="folder")] = Field(
        description="Folder for figures and pictures."
    )
    overwrite: bool = Field(False, description="Replace the output, and hidden states of another run.")
    max_tokens: PositiveInt = Field(256, description="Cut texts to so many tokens.")
    features: Annotated[Path | None, Flag(complete="folder")] = Field(
        None,
        description="Folder to keep the hidden states in, for other runs on these texts; without it they go "
        "when the run is done.",
    )
    features_dtype: Literal["float16", "float32"] = Field(
        "float16",
        description="In what precision hidden states are kept: float16 with an offset and a scale for each "
        "dimension, or float32 as they are.",
    )
