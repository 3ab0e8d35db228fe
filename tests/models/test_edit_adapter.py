"""Adapters that do exactly what the edited weights do."""

from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.anatomy.proof import written_along
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.plan import plan_edits
from detox_cli.models.checkpoint.write import write_edited
from detox_cli.models.directions import orthonormal
from detox_cli.models.edit_adapter import write_adapter
from detox_cli.models.edits import Edit
from tests.models.architectures import WIDTH, tiny_model

IDS = torch.arange(3, 35).reshape(2, 16)
UNBIASED = {"attention_bias": False, "mlp_bias": False}


def basis(count: int = 2):
    return orthonormal(np.random.default_rng(0).standard_normal((count, WIDTH)))


def planned(family: str, folder: Path, edit: Edit, **changes):
    tiny_model(family, **changes).save_pretrained(folder)
    checkpoint = open_checkpoint(folder)
    return checkpoint, plan_edits(checkpoint, checkpoint.anatomy(), lambda writer: edit, "untie")


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("llama", UNBIASED),
        ("qwen3", {}),
        ("gemma3_text", {}),
        ("phi3", {}),
        ("olmo2", {}),
        ("mixtral", {}),
        ("qwen2_moe", {}),
        ("granitemoeshared", {}),
        ("deepseek_v3", {}),
        ("llama4_text", {}),
        ("falcon", {"bias": False}),
    ],
)
def test_an_adapter_and_edited_weights_give_the_same_model(family: str, changes, tmp_path: Path) -> None:
    checkpoint, plan = planned(family, tmp_path / "source", Edit(basis()), **changes)
    (tmp_path / "adapter").mkdir()
    (tmp_path / "edited").mkdir()
    write_adapter(checkpoint, plan, tmp_path / "adapter", str(tmp_path / "source"))
    write_edited(checkpoint, plan, tmp_path / "edited")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "source", dtype=torch.float32)
    anatomy = read_anatomy(plain.config.to_dict(), {n: tuple(v.shape) for n, v in plain.state_dict().items()})
    adapted = PeftModel.from_pretrained(plain, tmp_path / "adapter").eval()
    edited = AutoModelForCausalLM.from_pretrained(tmp_path / "edited", dtype=torch.float32)
    with torch.no_grad():
        assert torch.allclose(adapted(IDS).logits, edited(IDS).logits, atol=2e-5)
    assert max(written_along(adapted.base_model.model, anatomy, basis(), IDS).values()) < 2e-4


def test_what_an_adapter_cannot_do_is_said(tmp_path: Path) -> None:
    for name, family, edit, kind, said in (
        ("norms", "qwen3", Edit(basis(), keep_norms=True), BadSettings, "cannot keep norms"),
        ("state", "mamba", Edit(basis()), BadData, "PEFT wraps no output projection"),
        ("bias", "llama", Edit(basis()), BadData, r"o_proj\.bias writes along the direction too"),
    ):
        checkpoint, plan = planned(family, tmp_path / name, edit)
        with pytest.raises(kind, match=said):
            write_adapter(checkpoint, plan, tmp_path, "base")
