"""From settings to the engine that answers, for every service whose model writes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from detox_cli.errors import BadSettings
from detox_cli.generation.requests import Engine, Request, Sampling
from detox_cli.generation.server_engine import find_served
from detox_cli.generation.vllm_start import check_split, require_vllm
from detox_cli.models.adapters import find_adapter
from detox_cli.models.loading import read_config
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.cluster.connect import require_ray
from detox_cli.services.cluster import RayPlace, cluster_of, of_one_machine
from detox_cli.services.writers import LocalWriter, ServedWriter, api_key
from detox_cli.settings.cluster import ClusterOptions
from detox_cli.settings.engine import EngineOptions

ONLY_FOR: dict[str, tuple[str, ...]] = {
    "revision": ("transformers", "vllm"),
    "adapter": ("transformers", "vllm"),
    "device": ("transformers",),
    "dtype": ("transformers", "vllm"),
    "trust_remote_code": ("transformers", "vllm"),
    "quantize": ("transformers",),
    "attention": ("transformers",),
    "tensor_parallel": ("vllm",),
    "base_url": ("server",),
    "plain_http": ("server",),
    **dict.fromkeys(("ray_engine", *ClusterOptions.model_fields), ("ray",)),
}
"""Which engines an option is for; the others would have to ignore it."""


class Writer(Protocol):
    """A model that writes, found but not loaded; `find_writer` makes one."""

    @property
    def name(self) -> str:
        """The model as the user named it."""

    @property
    def fingerprint(self) -> str:
        """The identity of the model, for the rows that it writes."""

    @property
    def licence(self) -> str | None:
        """The model's licence, where it is stated."""

    @property
    def encoder_decoder(self) -> bool:
        """Whether the model rewrites a source, rather than continuing a prompt."""

    @property
    def identity(self) -> dict[str, str]:
        """What is known of the model, for a manifest."""

    @property
    def decisive(self) -> list[object]:
        """What decides an answer's bits, for the fingerprint of a run; requests and sampling come to it."""

    def faults(self, requests: Sequence[Request], sampling: Sampling) -> dict[str, str]:
        """Why requests cannot be answered, as far as can be told before anything is loaded, by id."""

    def load(self, progress: Progress) -> Engine:
        """The engine, ready to answer.

        Raises:
            BadSettings: The model cannot write text.
            Missing: The model cannot be fetched, or what runs it is not installed.
        """


def find_writer(options: EngineOptions) -> LocalWriter | ServedWriter:
    """Find the model, and read its configuration or ask its server.

    Raises:
        BadSettings: Options that do not go together, or a folder that is not a complete model.
        Missing: The model or the adapter cannot be had, no server answers, or an extra is not installed.
    """
    if options.engine == "ray":
        require_ray()
        writer = find_writer(of_one_machine(options))
        return replace(writer, cluster=RayPlace(cluster_of(options, _gpus(options))))
    _check(options)
    if options.engine == "server":
        place = str(options.base_url)
        return ServedWriter(options, find_served(place, options.model, api_key(), options.plain_http))
    if options.engine == "vllm":
        require_vllm()
    source = find_model(options.model, options.revision)
    config = read_config(source, options.trust_remote_code)
    if options.engine == "vllm" and config.is_encoder_decoder:
        hint = "use --engine transformers"
        raise BadSettings(f"{source.name} is an encoder-decoder, which vLLM does not run", hint=hint)
    if options.engine == "vllm":
        check_split(source.name, config, options.tensor_parallel)
    adapter = find_adapter(str(options.adapter)) if options.adapter else None
    return LocalWriter(options, source, config, adapter)


def _gpus(options: EngineOptions) -> int:
    """How many GPUs an engine takes, where there are some."""
    none = options.ray_engine == "server" or options.device.startswith("cpu")
    return 0 if none else options.tensor_parallel


def _check(options: EngineOptions) -> None:
    """Refuse an option that the engine would have to ignore."""
    if options.engine == "server" and not options.base_url:
        hint = "add --base-url http://localhost:8000/v1"
        raise BadSettings("--engine server needs the address of the server", hint=hint)
    for name, engines in ONLY_FOR.items():
        if options.engine not in engines and getattr(options, name) != _default(options, name):
            flag, fitting = f"--{name.replace('_', '-')}", " or ".join(engines)
            message = f"{flag} has no meaning with --engine {options.engine}"
            raise BadSettings(message, hint=f"leave it out, or use --engine {fitting}")


def _default(options: EngineOptions, name: str) -> object:
    return type(options).model_fields[name].default
