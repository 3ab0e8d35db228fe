"""What runs the model that writes: the options that every command with such a model shares."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from detox_cli.settings.base import Flag, Section

ENGINE = Flag(panel="Engine")


class EngineChoice(Section):
    """What runs a model that writes, whichever model that is."""

    revision: Annotated[str | None, ENGINE] = Field(None, description="Branch, tag or commit of a Hub model.")
    engine: Annotated[Literal["transformers"], ENGINE] = Field(
        "transformers", description="What runs the model."
    )
    batch_tokens: Annotated[PositiveInt, ENGINE] = Field(
        16384, description="Tokens in one batch, padding and answers included."
    )
    device: Annotated[str, ENGINE] = Field("auto", description="auto, cpu, cuda or cuda:N.")
    dtype: Annotated[Literal["auto", "float32", "bfloat16", "float16"], ENGINE] = Field(
        "auto", description="Weights in memory."
    )
    trust_remote_code: Annotated[bool, ENGINE] = Field(
        False, description="Run code that the model repository brings."
    )


class EngineOptions(EngineChoice):
    """A model that writes, and what runs it.

    A command inherits these, and gives ``model`` its own place on the command line. Where another default
    suits it better it declares that field again.
    """

    model: Annotated[str, Flag(complete="model", panel="Engine")] = Field(
        description="The model that writes."
    )
