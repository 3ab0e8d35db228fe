"""Models that write, found but not loaded: one that this process runs, and one behind a server."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from detox_cli.generation.encoding import PromptReader
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Engine, Request, Sampling
from detox_cli.generation.server_engine import ServedModel, ServerEngine
from detox_cli.generation.vllm_engine import VllmEngine
from detox_cli.models.adapters import Adapter
from detox_cli.models.licence import model_licence
from detox_cli.models.loading import load_tokenizer
from detox_cli.models.sources import ModelSource
from detox_cli.models.weights import WeightForm
from detox_cli.output.progress import Progress
from detox_cli.settings.engine import EngineOptions


class ClusterPlace(Protocol):
    """Where a model runs that does not run in this process."""

    def engine(self, writer: Any, progress: Progress) -> Engine:
        """The engine that hands its work to others."""


KEYS = ("DETOX_API_KEY", "OPENAI_API_KEY")


@dataclass(frozen=True)
class LocalWriter:
    """A model that this process runs, by transformers or vLLM.

    Attributes:
        options: What the user said about the model and what runs it.
        source: Where the model is.
        config: Its configuration.
        adapter: What is put on it.
        cluster: Where it runs, if not in this process.
    """

    options: EngineOptions
    source: ModelSource
    config: Any
    adapter: Adapter | None = None
    cluster: ClusterPlace | None = None

    @property
    def name(self) -> str:
        """The model as the user named it."""
        return self.source.name

    @cached_property
    def fingerprint(self) -> str:
        """The identity of the model's content, and of the adapter's; and in how many bits it is held."""
        adapter = [self.adapter.fingerprint] if self.adapter else []
        fewer = [self.options.quantize] if self.options.quantize else []
        return "+".join([self.source.fingerprint, *adapter, *fewer])

    @property
    def licence(self) -> str | None:
        """What the model's card says."""
        return model_licence(self.source)

    @property
    def encoder_decoder(self) -> bool:
        """Whether the model rewrites a source, rather than continuing a prompt."""
        return bool(self.config.is_encoder_decoder)

    @property
    def identity(self) -> dict[str, str]:
        """Name and fingerprint, and the adapter's name."""
        adapter = {"adapter": self.adapter.name} if self.adapter else {}
        return {"name": self.name, "fingerprint": self.fingerprint, **adapter}

    @property
    def decisive(self) -> list[object]:
        """Model, adapter, engine and numerics."""
        options = self.options
        if options.engine == "vllm":
            return [self.fingerprint, options.engine, options.dtype, options.tensor_parallel]
        numerics = [options.device, options.dtype, options.batch_tokens, options.quantize, options.attention]
        return [self.fingerprint, options.engine, *numerics]

    def faults(self, requests: Sequence[Request], sampling: Sampling) -> dict[str, str]:
        """Why requests cannot be answered: empty, or longer than the context. Needs the tokenizer only."""
        return self.reader().faults(requests, sampling)

    def reader(self) -> PromptReader:
        """What turns prompts into token ids."""
        return PromptReader(load_tokenizer(self.source, self.options.trust_remote_code), self.config)

    def load(self, progress: Progress) -> Engine:
        """The engine with the model in memory."""
        if self.cluster is not None:
            return self.cluster.engine(self, progress)
        progress.stage(f"loading {self.name}")
        return self._vllm(progress) if self.options.engine == "vllm" else self._transformers(progress)

    def _transformers(self, progress: Progress) -> Engine:
        options = self.options
        return load_engine(
            self.source,
            device=options.device,
            dtype=options.dtype,
            batch_tokens=options.batch_tokens,
            trust_remote_code=options.trust_remote_code,
            form=WeightForm(options.quantize, options.attention),
            adapter=self.adapter,
            warn=progress.warn,
        )

    def _vllm(self, progress: Progress) -> Engine:
        options = self.options
        return VllmEngine(
            self.source,
            dtype=options.dtype,
            tensor_parallel=options.tensor_parallel,
            adapter=self.adapter,
            trust_remote_code=options.trust_remote_code,
            warn=progress.warn,
        )


@dataclass(frozen=True)
class ServedWriter:
    """A model behind a server; all that is known of it is what the server says.

    Attributes:
        options: What the user said about the model and the server.
        served: The server's answer.
        cluster: Where those are that ask it, if not in this process.
    """

    options: EngineOptions
    served: ServedModel
    cluster: ClusterPlace | None = None

    encoder_decoder = False
    licence = None

    @property
    def name(self) -> str:
        """The name under which the server answers."""
        return self.served.id

    @property
    def fingerprint(self) -> str:
        """What the server states, hashed; where it is does not count."""
        return self.served.fingerprint

    @property
    def identity(self) -> dict[str, str]:
        """Name, fingerprint, and what the server says it is."""
        known = {"server": self.served.kind, "root": self.served.root}
        return {"name": self.name, "fingerprint": self.fingerprint, **known}

    @property
    def decisive(self) -> list[object]:
        """The model as its server states it."""
        return [self.fingerprint, self.options.engine]

    def faults(self, requests: Sequence[Request], sampling: Sampling) -> dict[str, str]:
        """Empty prompts; the rest is for the server to say."""
        empty = [r.id for r in requests if isinstance(r.prompt, str) and not r.prompt]
        return dict.fromkeys(empty, "the prompt is empty")

    def load(self, progress: Progress) -> Engine:
        """The engine that asks the server."""
        if self.cluster is not None:
            return self.cluster.engine(self, progress)
        progress.stage(f"asking {self.name}")
        return ServerEngine(
            self.served, key=api_key(), concurrency=self.options.concurrency, warn=progress.warn
        )


def api_key() -> str | None:
    """The server's key, from the environment only."""
    return next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
