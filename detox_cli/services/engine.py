"""From settings to the engine that answers, for every service whose model writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from detox_cli.generation.encoding import PromptReader
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Engine, Request, Sampling
from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress
from detox_cli.settings.engine import EngineOptions


@dataclass(frozen=True)
class Writer:
    """The model that writes, found but not loaded; made by `find_writer`.

    Attributes:
        options: What the user said about the model and what runs it.
        source: Where the model is.
        config: Its configuration.
    """

    options: EngineOptions
    source: ModelSource
    config: Any

    @property
    def name(self) -> str:
        """The model as the user named it."""
        return self.source.name

    @cached_property
    def fingerprint(self) -> str:
        """The identity of the model's content, for the rows that it writes."""
        return self.source.fingerprint

    @property
    def encoder_decoder(self) -> bool:
        """Whether the model rewrites a source, rather than continuing a prompt."""
        return bool(self.config.is_encoder_decoder)

    @property
    def identity(self) -> dict[str, str]:
        """Name and fingerprint, for a manifest."""
        return {"name": self.name, "fingerprint": self.fingerprint}

    @property
    def decisive(self) -> list[object]:
        """What decides an answer's bits, for the fingerprint of a run; requests and sampling come to it."""
        options = self.options
        return [self.fingerprint, options.device, options.dtype, options.batch_tokens]

    def faults(self, requests: Sequence[Request], sampling: Sampling) -> dict[str, str]:
        """Why requests cannot be answered (empty, or longer than the context), by id of those that cannot.

        Needs the tokenizer only, so that a service can tell before anything is loaded.
        """
        tokenizer = load_tokenizer(self.source, self.options.trust_remote_code)
        return PromptReader(tokenizer, self.config).faults(requests, sampling)

    def load(self, progress: Progress) -> Engine:
        """The engine, ready to answer.

        Raises:
            BadSettings: The model cannot write text.
            Missing: The model cannot be fetched, or what runs it is not installed.
        """
        progress.stage(f"loading {self.name}")
        options = self.options
        return load_engine(
            options.engine,
            self.source,
            device=options.device,
            dtype=options.dtype,
            batch_tokens=options.batch_tokens,
            trust_remote_code=options.trust_remote_code,
            warn=progress.warn,
        )


def find_writer(options: EngineOptions) -> Writer:
    """Find the model and read its configuration.

    Raises:
        BadSettings: The folder is not a complete model.
        Missing: The model cannot be had.
    """
    source = find_model(options.model, options.revision)
    return Writer(options, source, read_config(source, options.trust_remote_code))
