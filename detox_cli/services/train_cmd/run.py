"""``detox train cmd``: a language model learns to detoxify its own context before it continues it.

Context-aware model self-detoxification (Tang et al., EMNLP 2024, arXiv 2308.08295): on chains that judge
a prompt, mask and rephrase its toxic parts and continue what is left, with a loss that sets the good
continuation against toxic ones. The published loss is one of three here; any stock decoder-only or
encoder-decoder model is trained as it is, with or without an adapter.
"""

from pathlib import Path

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress
from detox_cli.services.train_cmd.data import read_data
from detox_cli.services.train_cmd.result import CmdResult
from detox_cli.services.train_cmd.seeds import CMD_SEEDS, CmdSeedsResult
from detox_cli.services.training.lora import LoraShape
from detox_cli.services.training.seeds import check_seeds, train_each_seed
from detox_cli.services.training.starting import check_trainer, listener_of_first
from detox_cli.settings.train_cmd import CmdSettings


def run(settings: CmdSettings, progress: Progress | None = None) -> CmdResult | CmdSeedsResult:
    """Tune once, or once for each seed, and write the models to ``settings.output``.

    Under ``accelerate launch`` or ``torchrun`` all processes train and the first one alone speaks and writes.

    Raises:
        BadSettings: Settings contradict each other, or the output is taken.
        BadData: The chains cannot be used.
        Missing: The model or a tracker is not there.
    """
    check(settings)
    progress = listener_of_first(settings.device, progress)
    return train_each_seed(CMD_SEEDS, settings, read_data(settings, progress), progress)


def check(settings: CmdSettings) -> None:
    """Raise ``BadSettings`` if settings contradict each other, ``Missing`` if the tracker is not there."""
    data, output = Path(settings.data).resolve(), settings.output.resolve()
    if output in (data, *data.parents):
        message = "the chains are read from there, and would be replaced by the model"
        raise BadSettings(message, where=f"-o {settings.output}", hint="choose another output")
    check_trainer(settings)
    check_seeds(settings.seeds)
    if settings.adapted:
        LoraShape.read(settings.lora)
    elif settings.keep_adapter:
        raise BadSettings("there is no adapter", where="--keep-adapter", hint="add --lora 8,16,0.05")
    if settings.qlora is not None and not settings.adapted:
        raise BadSettings("there is no adapter", where="--qlora", hint="add --lora 8,16,0.05")
    if settings.pool == "all" and settings.contrast_context == "prompt":
        hint = "add --contrast-context none, as published, or leave --pool out"
        raise BadSettings("all positions of a chain are not those of its answer", where="--pool", hint=hint)
