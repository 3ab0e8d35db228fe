"""What runs the model that writes: the options that every command with such a model shares."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from detox_cli.settings.base import Flag
from detox_cli.settings.cluster import RAY, ClusterOptions

ENGINE = Flag(panel="Engine")


class EngineChoice(ClusterOptions):
    """What runs a model that writes, whichever model that is."""

    revision: Annotated[str | None, ENGINE] = Field(None, description="Branch, tag or commit of a Hub model.")
    engine: Annotated[Literal["transformers", "vllm", "server", "ray"], ENGINE] = Field(
        "transformers",
        description="What runs the model: this process, vLLM (an extra), a server of OpenAI's protocol, or "
        "one of these on each machine of a Ray cluster (an extra).",
    )
    ray_engine: Annotated[Literal["transformers", "vllm", "server"], RAY] = Field(
        "transformers", description="What runs the model in each actor of the cluster."
    )
    adapter: Annotated[Path | None, Flag(complete="folder", panel="Engine")] = Field(
        None, description="Folder of a LoRA adapter to put on the model."
    )
    device: Annotated[str, ENGINE] = Field("auto", description="auto, cpu, cuda or cuda:N.")
    dtype: Annotated[Literal["auto", "float32", "bfloat16", "float16"], ENGINE] = Field(
        "auto", description="Weights in memory."
    )
    trust_remote_code: Annotated[bool, ENGINE] = Field(
        False, description="Run code that the model repository brings."
    )
    batch_tokens: Annotated[PositiveInt, ENGINE] = Field(
        16384, description="Tokens in one batch, padding and answers included; vLLM finds its own."
    )
    quantize: Annotated[Literal["4bit", "8bit"] | None, ENGINE] = Field(
        None, description="Hold the weights in fewer bits, by bitsandbytes (an extra; engine transformers)."
    )
    attention: Annotated[Literal["auto", "sdpa", "flash_attention_2", "eager"], ENGINE] = Field(
        "auto",
        description="What computes attention: FlashAttention where it is installed (engine transformers).",
    )
    tensor_parallel: Annotated[PositiveInt, ENGINE] = Field(
        1, description="GPUs that share the model (engine vllm)."
    )
    base_url: Annotated[str | None, ENGINE] = Field(
        None,
        description="Address of the server, such as http://localhost:8000/v1; "
        "its key is read from DETOX_API_KEY or OPENAI_API_KEY.",
    )
    plain_http: Annotated[bool, ENGINE] = Field(
        False, description="Send the key without encryption to a server on another machine (engine server)."
    )
    concurrency: Annotated[PositiveInt, ENGINE] = Field(
        16, description="Requests on their way to the server at a time."
    )


class EngineOptions(EngineChoice):
    """A model that writes, and what runs it.

    A command inherits these, and gives ``model`` its own place on the command line. Where another default
    suits it better it declares that field again.
    """

    model: Annotated[str, Flag(complete="model", panel="Engine")] = Field(
        description="The model that writes."
    )
