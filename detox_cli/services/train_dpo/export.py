"""The same training for ``trl dpo``: a YAML of its arguments, and the rows beside it."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from detox_cli.data.preferences.preference import Preference
from detox_cli.models.sources import ModelSource, find_model
from detox_cli.output.progress import Progress
from detox_cli.runs.atomic import atomic_folder
from detox_cli.services.result import ROWS, AtHand, Result
from detox_cli.services.train_dpo.adapters import lora_shape
from detox_cli.services.train_dpo.building import arguments, keeping_of, mixture_of
from detox_cli.services.train_dpo.data import Data
from detox_cli.settings.train_dpo import DpoSettings

CONFIG, TRAINING, HELD_OUT = "dpo.yaml", "train.jsonl", "test.jsonl"
OUR_OWN = (
    "remove_unused_columns",
    "restore_callback_states_from_checkpoint",
    "run_name",
    "full_determinism",
    "dataloader_pin_memory",
    "metric_for_best_model",
)
"""Arguments that only our own rows, checkpoints and trackers need."""


class TrlArguments(Result):
    """What ``trl dpo`` reads."""

    command: str = Field(description="How to start it.")
    not_there: list[str] = Field(description="What these settings ask for and ``trl dpo`` does not have.")

    def next_steps(self, rows: AtHand = ROWS) -> list[str]:
        """Start it."""
        return [self.command]


def export(settings: DpoSettings, data: Data, folder: Path, progress: Progress) -> TrlArguments:
    """Write the folder; nothing is trained.

    Raises:
        BadSettings: Something is there already.
    """
    source = find_model(settings.model, settings.revision)
    rows = len(mixture_of(settings, data.training))
    values = arguments(settings, rows, keeping_of(settings, bool(data.held_out)), settings.output)
    values = {name: value for name, value in values.items() if name not in OUR_OWN}
    if values.get("load_best_model_at_end"):
        values |= {"metric_for_best_model": "eval_loss"}
    lacking = not_in_trl(settings)
    for what in lacking:
        progress.warn(f"trl dpo has no {what}; it is left out of the arguments")
    with atomic_folder(folder, overwrite=settings.overwrite) as place:
        everything = values | _model(settings, source) | {"dataset_name": str(folder)}
        (place / CONFIG).write_text(yaml.safe_dump(_plain(everything), sort_keys=True), encoding="utf-8")
        for name, side in ((TRAINING, data.training), (HELD_OUT, data.held_out)):
            lines = "".join(json.dumps(_row(one), ensure_ascii=False) + "\n" for one in side)
            (place / name).write_text(lines, encoding="utf-8")
    command = f"trl dpo --config {folder / CONFIG}"
    return TrlArguments(files=[folder], command=command, not_there=lacking)


def not_in_trl(settings: DpoSettings) -> list[str]:
    """What these settings ask for that TRL's own command does not do."""
    asked = {
        "--length-match": settings.length_match is not None,
        "--max-prompt-tokens": settings.max_prompt_tokens is not None,
        "--no-append-eos": not settings.append_eos,
        "--add-bos": settings.add_bos is not None,
        "--mix": bool(settings.mix),
        "--patience": settings.patience > 0 and settings.select != "last",
        "--select toxicity": settings.select == "toxicity",
        "--max-kl": settings.max_kl is not None,
        "--max-ppl-increase": settings.max_ppl_increase is not None,
        "--max-language-loss": settings.max_language_loss is not None,
        "--target-toxicity": settings.target_toxicity is not None,
        "--ref-model": settings.ref_model is not None,
        "--merge": settings.adapted and settings.merge,
        "--group-by-length": settings.group_by_length,
        "--seeds": bool(settings.seeds),
    }
    return [flag for flag, given in asked.items() if given]


def _model(settings: DpoSettings, source: ModelSource) -> dict[str, Any]:
    """The arguments of TRL's ``ModelConfig``."""
    found: dict[str, Any] = {"model_name_or_path": source.location, "dtype": settings.dtype}
    if source.revision:
        found["model_revision"] = source.revision
    if settings.trust_remote_code:
        found["trust_remote_code"] = True
    if settings.adapted:
        shape = lora_shape(settings)
        targets = list(settings.target)
        found |= {
            "use_peft": True,
            "lora_r": shape.rank,
            "lora_alpha": round(shape.alpha),
            "lora_dropout": shape.dropout,
            "lora_target_modules": targets[0] if targets == ["all-linear"] else targets,
            "use_rslora": settings.rslora,
            "use_dora": settings.dora,
        }
    if settings.qlora:
        found |= {"load_in_4bit": True, "bnb_4bit_quant_type": settings.qlora}
    return found


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """As YAML can have them; what is not set is left out."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in values.items()
        if value is not None
    }


def _row(one: Preference) -> dict[str, Any]:
    texts = {"prompt": one.prompt, "chosen": one.chosen, "rejected": one.rejected}
    return {"id": one.id} | {k: v if isinstance(v, str) else [dict(m) for m in v] for k, v in texts.items()}
