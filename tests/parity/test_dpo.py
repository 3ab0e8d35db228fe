"""``train dpo`` is TRL's own trainer: the same rows, configuration and seed give the same losses."""

import json

import pytest
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer

from detox_cli.output.progress import Silent
from detox_cli.services.train_dpo.data import read_data
from detox_cli.services.train_dpo.run import run
from tests.preference_pairs import quick_tuning, write_preferences

CASES = {
    "sigmoid": ({}, {}),
    "two losses": (
        {"loss": ("ipo",), "loss_weight": (0.5,), "sft_weight": 0.2, "beta": 0.3, "optimizer": "rmsprop"},
        {"loss_type": ["ipo", "sft"], "loss_weights": [0.5, 0.2], "beta": 0.3, "optim": "rmsprop"},
    ),
    "a reference in memory": ({"precompute_ref": False}, {"precompute_ref_log_probs": False}),
}


@pytest.mark.parametrize("case", CASES)
def test_losses_are_those_of_trl(tmp_path, tiny_causal, case):
    ours, same = CASES[case]
    given = {"group_by_length": False, "epochs": 1, "warmup": 2, "label_smoothing": 0.1, **ours}
    wanted = quick_tuning(write_preferences(tmp_path), tmp_path / "tuned", tiny_causal, **given)
    run(wanted)
    log = [json.loads(line) for line in (wanted.output / "metrics.jsonl").read_text().splitlines()]
    data = read_data(wanted, Silent())
    training, held_out = (
        Dataset.from_list(
            [{"prompt": p, "chosen": c, "rejected": r} for p, c, r in (one.content for one in side)]
        )
        for side in (data.training, data.held_out)
    )
    values = {
        "beta": 0.1,
        "precompute_ref_log_probs": True,
        "label_smoothing": 0.1,
        "learning_rate": 3e-3,
        "warmup_steps": 2,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 16,
        "max_length": 64,
        "eval_strategy": "steps",
        "eval_steps": 1,
        "logging_steps": 1,
        "weight_decay": 0.0,
        "seed": 0,
        "data_seed": 0,
        "save_strategy": "no",
    }
    config = DPOConfig(
        str(tmp_path / "trl"), bf16=False, use_cpu=True, gradient_checkpointing=False, **{**values, **same}
    )
    trainer = DPOTrainer(
        AutoModelForCausalLM.from_pretrained(tiny_causal),
        args=config,
        train_dataset=training,
        eval_dataset=held_out,
        processing_class=AutoTokenizer.from_pretrained(tiny_causal),
    )
    trainer.train()
    for name in ("loss", "grad_norm", "rewards/margins", "eval_loss"):
        mine = {record["step"]: record[name] for record in log if name in record}
        theirs = {record["step"]: record[name] for record in trainer.state.log_history if name in record}
        assert mine and mine == pytest.approx({step: theirs[step] for step in mine}, abs=2e-5), name
