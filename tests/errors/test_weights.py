"""Weights that are cut off or no numbers, or not where an edit looks for them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save
from tokenizers import Tokenizer, models

from detox_cli.errors import ExitCode
from detox_cli.models import edit_adapter
from detox_cli.models.anatomy.parts import Anatomy
from detox_cli.models.applied import InMemory
from detox_cli.models.checkpoint.coefficients import plan_folds, write_folded
from detox_cli.models.checkpoint.folder import Checkpoint, open_checkpoint
from detox_cli.models.checkpoint.plan import plan_edits
from detox_cli.models.checkpoint.residue import measure_residues
from detox_cli.models.checkpoint.tiles import panels, read_panel
from detox_cli.models.directions import orthonormal
from detox_cli.models.edit_adapter import write_adapter
from detox_cli.models.edits import Edit
from detox_cli.models.interventions import intervening
from detox_cli.models.merging.sources import StoredWeights
from detox_cli.models.removal import Removal, remove_everywhere
from detox_cli.services.abliterate.affine import check_affine
from detox_cli.services.abliterate.write import check_residues
from detox_cli.services.merge.vocabulary import write_union
from detox_cli.settings.abliterate import AbliterateSettings
from tests.errors.case import Case, usage
from tests.models.architectures import WIDTH, tiny_model
from tests.models.test_anatomy import anatomy_of

Told = Callable[[Case], None]
DOWN = "model.layers.0.mlp.down_proj.weight"
ALONG = Edit(orthonormal(np.ones(WIDTH)))


def saved(
    family: str, folder: Path, changed: Callable[[dict[str, Any]], object] = lambda _: None
) -> Checkpoint:
    """The files of a random model; its tensors may be changed first."""
    tiny_model(family).save_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    changed(tensors)
    (folder / "model.safetensors").write_bytes(save(tensors, {"format": "pt"}))
    return open_checkpoint(folder)


def spoilt(part: str) -> Callable[[dict[str, Any]], None]:
    """Makes the numbers of tensors no numbers."""

    def spoil(tensors: dict[str, Any]) -> None:
        for name in tensors:
            if part in name:
                tensors[name] = np.full_like(tensors[name], np.nan)

    return spoil


def test_files_that_shrink_while_they_are_read(told: Told, tmp_path: Path) -> None:
    checkpoint = saved("llama", tmp_path / "m")
    tensor = checkpoint.tensors[DOWN]
    with tensor.file.open("r+b") as file:
        file.truncate(tensor.start + 8)
    panel = next(panels(tensor, -2))
    with tensor.file.open("rb", buffering=0) as file:
        told(Case(lambda: read_panel(file, tensor, panel), f"model.safetensors: {DOWN} is cut off"))
    with StoredWeights(checkpoint, "m") as weights:
        told(Case(lambda: weights.rows(DOWN, 0, 2), f"model.safetensors: {DOWN} is cut off"))


def test_numbers_that_are_none(told: Told, tmp_path: Path) -> None:
    checkpoint = saved("gemma2", tmp_path / "m", spoilt("post_feedforward_layernorm"))
    said = "post_feedforward_layernorm.weight holds numbers that are not finite"
    told(Case(lambda: plan_edits(checkpoint, checkpoint.anatomy(), lambda _: ALONG), said))
    values = saved("llama", tmp_path / "n", spoilt(DOWN))
    folds = plan_folds(values, values.anatomy(), [(0, 1)], [0.0], [0.0])
    (tmp_path / "out").mkdir()
    told(
        Case(
            lambda: write_folded(values, folds, tmp_path / "out"), f"{DOWN} holds numbers that are not finite"
        )
    )


def test_files_of_another_model(told: Told, tmp_path: Path) -> None:
    source, other = saved("llama", tmp_path / "m"), saved("llama", tmp_path / "n", lambda t: t.pop(DOWN))
    plan = plan_edits(source, source.anatomy(), lambda _: ALONG)
    told(Case(lambda: measure_residues(source, other, plan), f"n: {DOWN} is not there as it was"))


def test_an_edit_that_left_too_much(told: Told, tmp_path: Path) -> None:
    source = saved("llama", tmp_path / "m")
    plan = plan_edits(source, source.anatomy(), lambda _: ALONG)
    residues = measure_residues(source, source, plan)
    told(Case(lambda: check_residues(residues), "of the direction is left in", ExitCode.FAILED))


def apart() -> Anatomy:
    """A model whose first block keeps an expert in a tensor of its own."""
    anatomy = anatomy_of(tiny_model("llama"))
    block = anatomy.blocks[0]
    matrix = replace(block.values[0], values=replace(block.values[0].values, expert=0))
    return replace(anatomy, blocks=(replace(block, values=(matrix,)),))


def test_experts_in_tensors_of_their_own(told: Told, tmp_path: Path) -> None:
    checkpoint = saved("mixtral", tmp_path / "m")
    told(
        usage(
            lambda: plan_folds(checkpoint, apart(), [(0, 0)], [1.0], [0.0]),
            "--bake: layer 0 keeps each expert in tensors of its own",
        )
    )
    anatomy = checkpoint.anatomy()
    plan = plan_edits(checkpoint, anatomy, lambda one: ALONG if one.expert in (None, 0) else None, "untie")
    said = "1 of 4 experts are edited, an adapter needs all of them or none"
    told(Case(lambda: write_adapter(checkpoint, plan, tmp_path, "m"), said))


class Counting(torch.nn.Embedding):
    """A table that does not only look up."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return super().forward(ids) * 2


def test_what_cannot_be_changed_in_memory(told: Told, tmp_path: Path) -> None:
    model = tiny_model("llama")
    anatomy = anatomy_of(model)
    table: Any = anatomy.token_embedding
    target: Any = SimpleNamespace(writer=table)
    told(
        Case(
            lambda: edit_adapter._check_module(table, [target], Counting(2, 2)), "is no plain table that PEFT"
        )
    )
    held: Any = SimpleNamespace(shapes={}, name="m")
    told(
        Case(
            lambda: InMemory(model, held, 1), "m: model.embed_tokens.weight of the loaded model is in no file"
        )
    )
    few = torch.nn.Parameter(model.model.layers[0].self_attn.o_proj.weight.char(), requires_grad=False)
    model.model.layers[0].self_attn.o_proj.weight = few
    removal = remove_everywhere(orthonormal(np.ones(WIDTH)), 2, "norm-preserving")

    def change() -> None:
        with intervening(model, anatomy, removal):
            pass

    told(Case(change, "o_proj.weight is quantised, so lengths cannot be kept in it"))


def test_no_place_for_a_constant(told: Told) -> None:
    anatomy = anatomy_of(tiny_model("llama"))
    bare = replace(anatomy, embeddings=())
    said = "a llama has no place for a constant before its first block"
    settings = AbliterateSettings(model="m", output=Path("out"), mode=("affine",))
    told(usage(lambda: check_affine(settings, bare), f"--mode affine: {said}"))
    removal = Removal(orthonormal(np.ones(WIDTH))[None], "affine", 1.0, np.ones(2), np.ones(2), np.ones(1))
    told(usage(lambda: removal.edit(anatomy.writers[0], bare), said))


def test_tokens_whose_ids_have_gaps(told: Told, tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 5}, unk_token="a"))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    added: Any = SimpleNamespace(added=["c"])
    told(Case(lambda: write_union(tmp_path, added), "tokenizer.json: 'c' does not get the id 6"))


def test_a_head_with_a_bias(told: Told, tmp_path: Path) -> None:
    for name in ("m", "n"):
        saved("gptj", tmp_path / name)
    told(Case("merge m n -o out --tokenizer union", "m: has lm_head.bias, whose tokens cannot be brought"))
