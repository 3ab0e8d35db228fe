"""``detox train dpo``: tune a causal language model on preferences.

Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) as it was used against toxicity by Lee
et al. 2024 (arXiv 2401.01967) and across languages by Li, Yong & Bach 2024 (arXiv 2406.16235), on TRL's
trainer. The reference is asked once; prompts and their translations stay on one side of the split; the step
is chosen by held-out loss, or by measured toxicity within bounds of distance and perplexity.
"""

from detox_cli.errors import BadSettings
from detox_cli.output.progress import Progress
from detox_cli.scoring.language_id import need_identifier
from detox_cli.services.train_dpo.building import losses_of
from detox_cli.services.train_dpo.data import columns_of_map, mix_of, read_data
from detox_cli.services.train_dpo.export import TrlArguments, export
from detox_cli.services.train_dpo.result import DpoResult
from detox_cli.services.train_dpo.seeds import DPO_SEEDS, DpoSeedsResult
from detox_cli.services.training.seeds import check_seeds, train_each_seed
from detox_cli.services.training.starting import check_trainer, listener_of_first
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
    progress = listener_of_first(settings.device, progress)
    data = read_data(settings, progress)
    if settings.export_trl_args is not None:
        return export(settings, data, settings.export_trl_args, progress)
    return train_each_seed(DPO_SEEDS, settings, data, progress)


def check(settings: DpoSettings) -> None:
    """Raise ``BadSettings`` if settings contradict each other, ``Missing`` if the tracker is not there."""
    check_trainer(settings)
    check_seeds(settings.seeds)
    losses_of(settings)
    mix_of(settings.mix)
    columns_of_map(settings.map)
    needs_prompts = {
        "--select": settings.select == "toxicity",
        "--max-kl": settings.max_kl is not None,
        "--max-ppl-increase": settings.max_ppl_increase is not None,
        "--max-language-loss": settings.max_language_loss is not None,
        "--track-neurons": settings.track_neurons is not None,
    }
    for flag, needed in needs_prompts.items():
        if needed and settings.prompts is None:
            raise BadSettings(
                "prompts have to be continued for this", where=flag, hint="name them: --prompts FILE"
            )
    if settings.target_toxicity is not None and settings.select != "toxicity":
        hint = "add --select toxicity"
        raise BadSettings("the step is not chosen by its toxicity", where="--target-toxicity", hint=hint)
    if settings.max_language_loss is not None:
        need_identifier()
    without = {"--dora": settings.dora, "--rslora": settings.rslora, "--keep-adapter": settings.keep_adapter}
    for flag, given in without.items():
        if given and not settings.adapted:
            raise BadSettings("there is no adapter", where=flag, hint="add --lora 64,128,0")
