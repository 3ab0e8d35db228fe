"""The model to be edited: found, in a form that can be edited, and loaded when it is needed."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from detox_cli.generation.chat import use_template
from detox_cli.generation.encoding import PromptReader
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Request
from detox_cli.generation.transformers_engine import TransformersEngine
from detox_cli.models.activations.collect import collect
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.checkpoint.dequantise import dequantise, quantisation_of
from detox_cli.models.checkpoint.folder import Checkpoint, open_checkpoint
from detox_cli.models.loading import load_tokenizer, read_config
from detox_cli.models.pickled import only_pickled, write_safetensors
from detox_cli.models.snapshot import local_folder
from detox_cli.models.sources import ModelSource
from detox_cli.output.progress import Progress
from detox_cli.services.abliterate.stages import Stages
from detox_cli.settings.abliterate import AbliterateSettings

FIRST_LOOK = "The weather is fine today."


@dataclass(frozen=True)
class Base:
    """A model that can be edited.

    Attributes:
        source: What the user named.
        checkpoint: Its files, or a copy of them in plain numbers.
        converted: What the copy was made for: ``quantised (fp8)``, ``pickled``, or nothing.
        settings: How to load it.
        progress: Told of what is loaded.
    """

    source: ModelSource
    checkpoint: Checkpoint
    converted: str
    settings: AbliterateSettings
    progress: Progress

    @property
    def plain_source(self) -> ModelSource:
        """The model under its name, where its files are in plain numbers."""
        return replace(self.source, location=str(self.checkpoint.folder), kind="folder", revision=None)

    @cached_property
    def reader(self) -> PromptReader:
        """What turns prompts into token ids; needs no weights."""
        source, trusted = self.plain_source, self.settings.trust_remote_code
        tokenizer = load_tokenizer(source, trusted)
        if self.settings.chat_template is not None:
            use_template(tokenizer, self.settings.chat_template)
        return PromptReader(tokenizer, read_config(source, trusted))

    @cached_property
    def engine(self) -> TransformersEngine:
        """The model in memory, ready to answer.

        Raises:
            BadData: Its numbers are not finite; seen before hours of answers that say nothing.
        """
        self.progress.stage(f"loading {self.source.name}")
        settings = self.settings
        engine = load_engine(
            self.plain_source,
            device=settings.device,
            dtype=settings.dtype,
            batch_tokens=settings.batch_tokens,
            trust_remote_code=settings.trust_remote_code,
            chat_template=settings.chat_template,
            warn=self.progress.warn,
        )
        ids = self.reader.read([Request("first look", FIRST_LOOK, 0)])[0].ids
        collect(engine.model, anatomy_of(engine.model, settings.targets), {"first look": [ids]}, 1)
        return engine

    @property
    def loaded(self) -> TransformersEngine | None:
        """The engine, if somebody has needed it already."""
        found: TransformersEngine | None = self.__dict__.get("engine")
        return found

    def forget(self) -> None:
        """Take the model out of memory, until it is needed again."""
        self.__dict__.pop("engine", None)

    @cached_property
    def anatomy(self) -> Anatomy:
        """Where the files keep what."""
        return self.checkpoint.anatomy(self.settings.targets)

    @cached_property
    def loaded_anatomy(self) -> Anatomy:
        """Where the model in memory keeps what."""
        return anatomy_of(self.engine.model, self.settings.targets)


def find_base(source: ModelSource, settings: AbliterateSettings, stages: Stages, progress: Progress) -> Base:
    """Look at the files of a model; a copy in plain safetensors is made where they are not that.

    Raises:
        BadData: The files are damaged, or quantised in a way that cannot be undone.
        Missing: They cannot be fetched.
    """
    folder, converted = local_folder(source), []
    if only_pickled(folder):
        progress.stage("writing the pickled weights as safetensors")
        pickled = folder
        folder, _ = stages.folder_once("safetensors", lambda place: write_safetensors(pickled, place))
        converted.append("pickled")
    checkpoint = open_checkpoint(folder, may_be_quantised=True)
    if found := quantisation_of(checkpoint.config):
        method = found.get("quant_method", "bitsandbytes")
        progress.stage(f"the weights are quantised ({method}); a plain copy is made, edited and written")
        quantised = checkpoint
        folder, _ = stages.folder_once("plain", lambda place: _plain(quantised, place))
        checkpoint = open_checkpoint(folder)
        converted.append(f"quantised ({method})")
    return Base(source, checkpoint, ", ".join(converted), settings, progress)


def _plain(checkpoint: Checkpoint, folder: Path) -> None:
    dequantise(checkpoint, folder)
