"""``detox train lm``: tune a causal language model on texts that a rule chooses.

On toxic text it makes the experts that ``detox negate`` takes out of the model that they were started from,
one for each of several disjoint parts of the texts (Kim et al., "Decoupling Noise and Toxic Parameters for
Language Model Detoxification by Task Vector Merging", COLM 2024; for one part Ilharco et al., "Editing Models
with Task Arithmetic", ICLR 2023). On clean text, or up the loss, it makes the baselines of these papers.
"""

from pathlib import Path

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress, Silent
from detox_cli.services.train_lm.choice import choose_texts
from detox_cli.services.train_lm.data import read_texts
from detox_cli.services.train_lm.experts import train_parts
from detox_cli.services.train_lm.folder import experts_in
from detox_cli.services.train_lm.result import LmResult
from detox_cli.services.train_lm.single import LM
from detox_cli.services.training.apart import Crew, part_company
from detox_cli.services.training.lora import LoraShape
from detox_cli.services.training.processes import is_first, join_processes, world_size
from detox_cli.services.training.single_run import train_one
from detox_cli.services.training.starting import check_trainer
from detox_cli.settings.train_lm import LmSettings


def run(settings: LmSettings, progress: Progress | None = None) -> LmResult:
    """Train one model, or one for each part, and write it to ``settings.output``.

    Under ``accelerate launch`` or ``torchrun`` all processes train, together or each its own parts, and the
    first one alone speaks.

    Raises:
        BadSettings: Settings contradict each other, or the output is taken.
        BadData: The texts cannot be used.
        Missing: The model, a data set, an optimizer or a tracker is not there.
    """
    crew = part_company() if settings.parallel == "parts" and settings.split > 1 else Crew()
    check(settings)
    if "-" in settings.data and max(crew.size, world_size()) > 1:
        hint = "write the texts to a file first"
        raise BadSettings("several processes cannot all read stdin", where="--data -", hint=hint)
    join_processes(settings.device)
    speaks = is_first() and crew.rank == 0
    if progress is None or not speaks:
        progress = Silent()
    texts = read_texts(settings, progress, listing=speaks)
    if settings.split == 1:
        return train_one(LM, settings, texts, progress)
    return train_parts(settings, texts, progress, crew)


def train_experts(settings: LmSettings, progress: Progress | None = None) -> list[Path]:
    """The same for those who go on with the models: their folders, in the order of the parts."""
    run(settings, progress)
    return experts_in(settings.output)


def check(settings: LmSettings) -> None:
    """Raise ``BadSettings`` if settings contradict each other, ``Missing`` if what they name is not there."""
    check_trainer(settings)
    choose_texts(settings)
    if settings.lora:
        LoraShape.read(settings.lora)
    if settings.select == "loss" and settings.eval_share == 0:
        hint = "hold some out, or use --select last"
        raise BadSettings("--select loss needs held-out texts", where="--eval-share", hint=hint)
    if settings.select == "loss" and settings.ascent:
        hint = "leave --select loss out, and end it with --max-loss"
        raise BadSettings(
            "the lowest loss of gradient ascent is where it begins", where="--select", hint=hint
        )
    if settings.packing and settings.pack_length < settings.max_length:
        hint = "raise --pack-length, or lower --max-length"
        raise BadSettings("a packed row has no room for the longest text", where="--pack-length", hint=hint)
