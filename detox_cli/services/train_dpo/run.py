"""``detox train dpo``: tune a causal language model on preferences.

Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) as it was used against toxicity by Lee
et al. 2024 (arXiv 2401.01967) and across languages by Li, Yong & Bach 2024 (arXiv 2406.16235), on TRL's
trainer. The reference is asked once; prompts and their translations stay on one side of the split; the step
is chosen by held-out loss, or by measured toxicity within bounds of distance and perplexity.
"""

from accelerate import PartialState

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress, Silent
from detox_cli.services.train_dpo.building import losses_of
from detox_cli.services.train_dpo.data import columns_of_map, mix_of, read_data
from detox_cli.services.train_dpo.export import TrlArguments, export
from detox_cli.services.train_dpo.result import DpoResult
from detox_cli.services.train_dpo.seeds import DPO_SEEDS, DpoSeedsResult
from detox_cli.services.train_dpo.single import DPO
from detox_cli.services.training.optimizers import find_optimizer
from detox_cli.services.training.processes import join_processes
from detox_cli.services.training.seeds import check_seeds, train_seeds
from detox_cli.services.training.single_run import train_one
from detox_cli.services.training.trackers import find_tracker
from detox_cli.settings.train_dpo import DpoSettings


def run(settings: DpoSettings, progress: Progress | None = None) -> DpoResult | DpoSeedsResult | TrlArguments:
    """Tune once, or once for each seed, and write the models to ``settings.output``.

    With ``export_trl_args`` nothing is trained: what TRL's own command would need is written there.

    Under ``accelerate launch`` or ``torchrun`` all processes train and the first one alone speaks and writes.

    Raises:
        BadSettings: Settings contradict each other, or the output is taken.
        BadData: The preferences cannot be used.
        Missing: The model, a scorer or a tracker is not there.
    """
    check(settings)
    join_processes(settings.device)
    if progress is None or not PartialState().is_main_process:
        progress = Silent()
    data = read_data(settings, progress)
    if settings.export_trl_args is not None:
        return export(settings, data, settings.export_trl_args, progress)
    if settings.seeds:
        return train_seeds(DPO_SEEDS, settings, data, progress)
    return train_one(DPO, settings, data, progress)


def check(settings: DpoSettings) -> None:
    """Raise ``BadSettings`` if settings contradict each other, ``Missing`` if the tracker is not there."""
    find_tracker(settings.tracker)
    check_seeds(settings.seeds)
    find_optimizer(settings.optimizer, settings.device)
    losses_of(settings)
    mix_of(settings.mix)
    columns_of_map(settings.map)
    needs_prompts = {
        "--select": settings.select == "toxicity",
        "--max-kl": settings.max_kl is not None,
        "--max-ppl-increase": settings.max_ppl_increase is not None,
        "--track-neurons": settings.track_neurons is not None,
    }
    for flag, needed in needs_prompts.items():
        if needed and settings.prompts is None:
            raise BadSettings(
                "prompts have to be continued for this", where=flag, hint="name them: --prompts FILE"
            )
    without = {"--dora": settings.dora, "--rslora": settings.rslora, "--keep-adapter": settings.keep_adapter}
    for flag, given in without.items():
        if given and not settings.adapted:
            raise BadSettings("there is no adapter", where=flag, hint="add --lora 64,128,0")
    if settings.keep_best and settings.select == "last":
        raise BadSettings(
            "--select last compares no checkpoints", where="--keep-best", hint="use --keep-checkpoints"
        )
