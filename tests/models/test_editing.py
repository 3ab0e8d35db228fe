"""From a saved model to an edited one: no block writes along a removed direction, in any family."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.anatomy.families import FAMILIES
from detox_cli.models.anatomy.proof import written_along
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.plan import plan_edits
from detox_cli.models.checkpoint.residue import beyond_limit, measure_residues
from detox_cli.models.checkpoint.write import write_edited
from detox_cli.models.directions import orthonormal
from detox_cli.models.edits import Edit
from detox_cli.runs.atomic import atomic_folder
from tests.models.architectures import MODERN, WIDTH, tiny_model

IDS = torch.arange(3, 35).reshape(2, 16)
ROUNDED = [
    "llama",
    "gemma3_text",
    "olmo2",
    "bloom",
    "gpt2",
    "gpt_oss",
    "mixtral",
    "qwen2_moe",
    "deepseek_v3",
    "opt",
]


def directions(count: int = 1, width: int = WIDTH):
    return orthonormal(np.random.default_rng(0).standard_normal((count, width)))


def saved(family: str, folder: Path, dtype: torch.dtype = torch.float32, **how) -> Path:
    tiny_model(family).to(dtype).save_pretrained(folder, **how)
    return folder


def edited(source: Path, out: Path, edit: Edit, tied="untie", **how):
    """Write an edited copy and read it back: the residues of its files, and the model loaded from them."""
    checkpoint = open_checkpoint(source)
    plan = plan_edits(checkpoint, checkpoint.anatomy(), lambda writer: edit, tied)
    out.mkdir()
    write_edited(checkpoint, plan, out, **how)
    model, report = AutoModelForCausalLM.from_pretrained(
        out, dtype=torch.float32, use_safetensors=True, output_loading_info=True
    )
    assert not report["missing_keys"] and not report["mismatched_keys"] and not report["unexpected_keys"]
    rounding = how.get("rounding", "exact")
    return measure_residues(checkpoint, open_checkpoint(out), plan, rounding), model


def along(model, basis) -> dict[str, float]:
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    return written_along(model, read_anatomy(model.config.to_dict(), shapes), basis, IDS)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_block_of_any_family_writes_along_the_direction(family: str, tmp_path: Path) -> None:
    source = saved(family, tmp_path / "source")
    residues, model = edited(source, tmp_path / "edited", Edit(directions()))
    assert not beyond_limit(residues)
    assert max(along(model, directions()).values()) < 1e-4
    before = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    assert min(along(before, directions()).values()) > 0.05
    assert torch.equal(model.get_output_embeddings().weight, before.get_output_embeddings().weight)


@pytest.mark.parametrize("family", ROUNDED)
def test_exact_rounding_leaves_nothing_in_bfloat16_shards(family: str, tmp_path: Path) -> None:
    source = saved(family, tmp_path / "source", torch.bfloat16, max_shard_size="40KB")
    assert len(list(source.glob("*.safetensors"))) > 1
    residues, model = edited(source, tmp_path / "edited", Edit(directions()))
    assert not beyond_limit(residues), max(r.residue for r in residues)
    assert max(along(model, directions()).values()) < 2e-4


def test_three_directions_are_removed_from_a_wider_model(tmp_path: Path) -> None:
    model = tiny_model("gemma3_text", hidden_size=256, head_dim=64).to(torch.bfloat16)
    model.save_pretrained(tmp_path / "source")
    basis = directions(3, width=256)
    residues, model = edited(tmp_path / "source", tmp_path / "edited", Edit(basis))
    assert not beyond_limit(residues), max(r.residue for r in residues)
    assert max(along(model, basis).values()) < 2e-4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_nearest_rounding_leaves_what_is_stated(dtype: torch.dtype, tmp_path: Path) -> None:
    source = saved("llama", tmp_path / "a", dtype)
    residues, _ = edited(source, tmp_path / "b", Edit(directions()), rounding="nearest")
    assert not beyond_limit(residues) and max(residue.residue for residue in residues) > 1e-4
    residues, _ = edited(source, tmp_path / "c", Edit(directions()), rounding="exact")
    assert not beyond_limit(residues)


def test_everything_else_stays_byte_for_byte(tmp_path: Path) -> None:
    source = saved("qwen2_moe", tmp_path / "source", max_shard_size="60KB")
    (source / "templates").mkdir()
    (source / "templates" / "tool.jinja").write_text("{{ tools }}")
    (source / "modeling_own.py").write_text("# remote code")
    (source / "pytorch_model.bin").write_bytes(b"old")
    checkpoint = open_checkpoint(source)
    plan = plan_edits(
        checkpoint, checkpoint.anatomy(), lambda writer: Edit(directions()) if writer.block == 1 else None
    )
    (tmp_path / "out").mkdir()
    left_out = write_edited(checkpoint, plan, tmp_path / "out", link_untouched=True)
    assert left_out == [Path("pytorch_model.bin")]
    written = open_checkpoint(tmp_path / "out")
    targets = {target.writer.name for target in plan.targets}
    files = {path.relative_to(source) for path in source.rglob("*") if path.is_file()} - set(left_out)
    assert files == {p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*") if p.is_file()}
    for path in files:
        old, new = bytearray((source / path).read_bytes()), (tmp_path / "out" / path).read_bytes()
        assert len(old) == len(new)
        for tensor in [t for t in written.tensors.values() if t.file.name == path.name and t.name in targets]:
            span = slice(tensor.start, tensor.start + tensor.size)
            assert old[span] != new[span]
            old[span] = new[span]
        assert old == new
    untouched = {stored.file.name for stored in checkpoint.tensors.values() if stored.name not in targets}
    assert any((source / name).samefile(tmp_path / "out" / name) for name in untouched)
    edited_files = {target.stored.file.name for target in plan.targets}
    assert not any((source / name).samefile(tmp_path / "out" / name) for name in edited_files)


@pytest.mark.parametrize("shards", ["1GB", "40KB"])
def test_a_tied_embedding_is_skipped_untied_or_edited(shards: str, tmp_path: Path) -> None:
    source = saved("gemma", tmp_path / "source", max_shard_size=shards)
    table = AutoModelForCausalLM.from_pretrained(source).get_input_embeddings().weight.detach()
    models = {
        tied: edited(source, tmp_path / tied, Edit(directions()), tied)[1]
        for tied in ("skip", "untie", "edit")
    }
    left = {tied: along(model, directions())["embeddings"] for tied, model in models.items()}
    assert left["skip"] > 0.5 and left["untie"] < 1e-5 and left["edit"] < 1e-5
    for tied, model in models.items():
        kept = torch.equal(model.get_output_embeddings().weight, table)
        assert kept == (tied != "edit"), tied
        own = model.get_output_embeddings().weight is not model.get_input_embeddings().weight
        assert own == (tied == "untie")
    plan = plan_edits(
        open_checkpoint(source), open_checkpoint(source).anatomy(), lambda writer: Edit(directions())
    )
    assert [(w.kind, reason) for w, reason in plan.kept] == [("embedding", "it is the output head too")]


def test_fused_experts_on_disk_and_names_without_a_trunk(tmp_path: Path) -> None:
    for family, prefix in {"mixtral": "", "gpt2": "transformer."}.items():
        source = saved(family, tmp_path / family)
        state = tiny_model(family).state_dict()
        state = {
            n.removeprefix(prefix): v for n, v in state.items() if family != "gpt2" or n != "lm_head.weight"
        }
        save_file(state, source / "model.safetensors", metadata={"format": "pt"})
        residues, model = edited(source, tmp_path / f"{family}-edited", Edit(directions()), "edit")
        assert not beyond_limit(residues)
        assert max(along(model, directions()).values()) < 1e-4


def test_the_language_model_of_a_wrapper_is_edited_and_its_other_tower_is_not(tmp_path: Path) -> None:
    tower = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = AutoConfig.for_model(
        "gemma3",
        text_config={**MODERN, "model_type": "gemma3_text"},
        vision_config={**tower, "image_size": 28, "patch_size": 14, "model_type": "siglip_vision_model"},
        mm_tokens_per_image=4,
    )
    AutoModelForImageTextToText.from_config(config).save_pretrained(tmp_path / "source")
    checkpoint = open_checkpoint(tmp_path / "source")
    plan = plan_edits(checkpoint, checkpoint.anatomy(), lambda writer: Edit(directions()), "untie")
    (tmp_path / "out").mkdir()
    write_edited(checkpoint, plan, tmp_path / "out")
    assert not [target for target in plan.targets if "vision" in target.writer.name]
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "out", dtype=torch.float32)
    before = AutoModelForImageTextToText.from_pretrained(tmp_path / "source", dtype=torch.float32)
    assert max(along(model, directions()).values()) < 1e-4 < min(along(before, directions()).values())
    assert torch.equal(model.get_output_embeddings().weight, before.get_output_embeddings().weight)


def break_shard(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def put_nan(folder: Path) -> None:
    with safe_open(folder / "model.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors["model.layers.1.mlp.down_proj.weight"][3, 5] = float("nan")
    save_file(tensors, folder / "model.safetensors")


def set_config(**values):
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **values}))

    return change


def only_pickles(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def as_bytes(folder: Path) -> None:
    path = folder / "model.safetensors"
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b'"dtype":"F32"', b'"dtype":"I32"'))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (break_shard, r"model\.safetensors: is cut off: 100 bytes are missing"),
        (put_nan, r"layers\.1\.mlp\.down_proj\.weight holds numbers that are not finite"),
        (
            set_config(quantization_config={"quant_method": "gptq"}),
            r"quantised \(gptq\) and cannot be edited",
        ),
        (only_pickles, "has only pickled weights"),
        (as_bytes, "is stored as I32, which cannot be edited"),
        (set_config(model_type="novel"), "the family novel is not known; candidates: .*down_proj"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json: is no JSON"),
    ],
)
def test_what_cannot_be_edited_is_one_clear_line(damage, said: str, tmp_path: Path) -> None:
    source = saved("llama", tmp_path / "source")
    damage(source)
    with pytest.raises(BadData, match=said) as raised:
        edited(source, tmp_path / "out", Edit(directions()))
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 600


def test_a_failed_edit_leaves_no_folder_behind(tmp_path: Path) -> None:
    source = saved("llama", tmp_path / "source")
    put_nan(source)
    checkpoint = open_checkpoint(source)
    plan = plan_edits(checkpoint, checkpoint.anatomy(), lambda writer: Edit(directions()))
    with pytest.raises(BadData, match="not finite"), atomic_folder(tmp_path / "out") as folder:
        write_edited(checkpoint, plan, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_editing_files_imports_no_torch() -> None:
    module = "detox_cli.models.checkpoint"
    probe = f"import sys, {module}.write, {module}.residue; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_missing_shard_a_double_tensor_and_an_empty_choice_are_errors(tmp_path: Path) -> None:
    source = saved("llama", tmp_path / "source", max_shard_size="40KB")
    checkpoint = open_checkpoint(source)
    with pytest.raises(BadSettings, match="nothing would be edited"):
        plan_edits(checkpoint, checkpoint.anatomy(), lambda writer: None)
    first, second = checkpoint.files[:2]
    (source / second).rename(source / "away")
    with pytest.raises(BadData, match=f"lacks {second}"):
        open_checkpoint(source)
    shutil.copy(source / first, source / second)
    with pytest.raises(BadData, match="is in two files"):
        open_checkpoint(source)
