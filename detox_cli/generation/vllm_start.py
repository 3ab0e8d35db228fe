"""vLLM with a model in it; and its many ways of not starting, told apart and in our words."""

import importlib.util
from typing import Any

import torch

from detox_cli.errors import BadSettings, DetoxError, Missing
from detox_cli.models.adapters import Adapter
from detox_cli.models.sources import ModelSource

INSTALL = "pip install 'detox-cli[vllm]'"
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
MEMORY_SIGNS = (
    "out of memory",
    "not enough gpu memory",
    "can't allocate memory",
    "cannot allocate memory",
    "free memory on device",
    "no available memory for the cache blocks",
    "available kv cache memory",
    "available memory on node",
)
"""What torch, the system and vLLM say where memory is short, in small letters."""
LESS_MEMORY = (
    "end what else uses the memory, hold the weights in fewer bits (--dtype bfloat16), share the model "
    "between more GPUs (--tensor-parallel), or use --engine transformers with --quantize 4bit"
)


LESS_CACHE = (
    "end what else uses the memory, or give the cache a size of its own: VLLM_CPU_KVCACHE_SPACE=4 (GiB)"
)
"""For vLLM's build for CPUs, which wants nearly all of the machine's memory if it is told no number."""


def require_vllm() -> None:
    """Raise ``Missing`` if vLLM is not installed."""
    if importlib.util.find_spec("vllm") is None:
        raise Missing("vLLM is not installed", where="--engine vllm", hint=INSTALL)


def on_cpu() -> bool:
    """Whether this vLLM computes on the CPU.

    Raises:
        Missing: It cannot be imported.
    """
    try:
        from vllm.platforms import current_platform
    except (ImportError, RuntimeError, OSError) as error:
        raise Missing(
            f"vLLM cannot be imported: {_line(error)}", where="--engine vllm", hint=INSTALL
        ) from error
    return bool(current_platform.is_cpu())


def check_split(name: str, config: Any, tensor_parallel: int) -> None:
    """Raise ``BadSettings`` if a model cannot be shared by ``tensor_parallel`` devices.

    vLLM gives every device the same number of attention heads and of key/value heads, or the same
    key/value head to several, and an equal slice of the MLP. Otherwise its workers stop one by one.

    Args:
        name: The model, for the message.
        config: Its configuration.
        tensor_parallel: The number of devices.
    """
    if _splits(config, tensor_parallel):
        return
    sizes = _sizes(config)
    fitting = [str(count) for count in range(2, max(sizes.values()) + 1) if _splits(config, count)]
    described = ", ".join(f"{size} {what}" for what, size in sizes.items())
    raise BadSettings(
        f"{name} cannot be shared by {tensor_parallel} devices in equal parts: it has {described}",
        where="--tensor-parallel",
        hint=f"this model can be shared by {', '.join(fitting[:8])}" if fitting else "leave it out",
    )


def start(
    source: ModelSource,
    *,
    dtype: str,
    tensor_parallel: int,
    adapter: Adapter | None,
    trust_remote_code: bool,
    extra: dict[str, Any],
) -> Any:
    """A ``vllm.LLMEngine`` with the model loaded.

    Raises:
        BadSettings: vLLM does not know this model, or not with these settings; nothing was loaded.
        DetoxError: The memory does not suffice, or something else went wrong while it loaded.
    """
    from vllm import EngineArgs, LLMEngine
    from vllm.usage.usage_lib import UsageContext

    lora = {} if adapter is None else {"enable_lora": True, "max_loras": 1, "max_lora_rank": _room(adapter)}
    cpu = on_cpu()
    try:
        arguments = EngineArgs(
            model=source.location,
            revision=source.revision,
            tokenizer_revision=source.revision,
            dtype="float32" if dtype == "auto" and cpu else dtype,
            tensor_parallel_size=tensor_parallel,
            trust_remote_code=trust_remote_code,
            **{
                "enable_prefix_caching": True,
                "load_format": "safetensors",
                "max_model_len": -1,  # as long as the model's context and the memory allow
                "generation_config": "vllm",
                # On a CPU a seeded request whose prompt is read in parts stops vLLM 0.32.
                **({"enable_chunked_prefill": False} if cpu else {}),
                **lora,
                **extra,
            },
        )
        config = arguments.create_engine_config(UsageContext.ENGINE_CONTEXT)
    except (ValueError, NotImplementedError, AssertionError) as error:
        raise BadSettings(
            f"vLLM cannot run {source.name}: {_line(error)}",
            hint="try another --dtype or --tensor-parallel, or --engine transformers",
        ) from error
    try:
        return LLMEngine.from_vllm_config(config, disable_log_stats=True)
    except (DetoxError, ImportError):
        raise
    except Exception as error:  # a worker that ends is a bare Exception
        raise start_error(source.name, error, tensor_parallel) from error


def start_error(name: str, error: Exception, tensor_parallel: int = 1) -> DetoxError:
    """What a failure to load means: too little memory, a worker that ended, or the error as it is."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or _tells_of_memory(error):
        hint = LESS_CACHE if "on node" in str(error) else LESS_MEMORY
        return DetoxError(f"the memory is too small for {name} in vLLM: {_line(error)}", hint=hint)
    if tensor_parallel > 1 and type(error) is Exception:
        message = f"one of the {tensor_parallel} workers of vLLM ended while {name} was loaded"
        return DetoxError(message, hint=f"its own words stand above; if they are about memory, {LESS_MEMORY}")
    return DetoxError(
        f"vLLM could not load {name}: {type(error).__name__}: {_line(error)}",
        hint="add --debug to see where it happened, or use --engine transformers",
    )


def _tells_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return any(sign in text for sign in MEMORY_SIGNS)


def _sizes(config: Any) -> dict[str, int]:
    """What is split between devices, as far as the configuration says it as one number."""
    text = config.get_text_config()
    heads = getattr(text, "num_attention_heads", None)
    found = {"attention heads": heads, "key/value heads": getattr(text, "num_key_value_heads", None)}
    if not any(hasattr(text, name) for name in ("num_experts", "num_local_experts", "n_routed_experts")):
        found["MLP columns"] = getattr(text, "intermediate_size", None)
    return {what: size for what, size in found.items() if isinstance(size, int)}


def _splits(config: Any, count: int) -> bool:
    sizes = _sizes(config)
    shared = sizes.pop("key/value heads", count)
    return all(size % count == 0 for size in sizes.values()) and (shared % count == 0 or count % shared == 0)


def _room(adapter: Adapter) -> int:
    """The smallest rank that vLLM knows and that the adapter fits."""
    fitting = [rank for rank in RANKS if rank >= adapter.rank]
    if not fitting:
        raise BadSettings(
            f"the adapter's rank {adapter.rank} is above vLLM's {RANKS[-1]}",
            where="--adapter",
            hint="merge the adapter first: detox merge MODEL --adapter ADAPTER",
        )
    return fitting[0]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
