"""Models whose parts are not what is needed of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save
from transformers import AutoTokenizer

from detox_cli.errors import ExitCode
from detox_cli.generation.chat import use_template
from detox_cli.generation.pplm.reading import Reader
from detox_cli.models.activations.pooled import pooled_states
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.checkpoint.header import read_header
from detox_cli.models.checkpoint.quantised import packed_weights
from detox_cli.models.loading import load_causal, load_classifier
from detox_cli.models.merging.methods import METHODS
from detox_cli.models.merging.settings import Values
from detox_cli.models.merging.tensor import Job
from detox_cli.models.neurons.final_norm import measured_gain
from detox_cli.models.neurons.parts import neurons_of
from detox_cli.models.neurons.proof import load_neurons
from detox_cli.models.pickled import write_safetensors
from detox_cli.models.probes.probe import LinearProbe, ProbeSite
from detox_cli.models.sources import find_model
from detox_cli.scoring.batching import pad_batch
from detox_cli.scoring.load import load_text_scorer
from detox_cli.scoring.spans.encoding import check_offsets
from detox_cli.scoring.spans.tagger import TokenDetector
from tests.errors.case import Case, usage
from tests.models.architectures import tiny_model
from tests.models.test_anatomy import anatomy_of, shapes_of

Told = Callable[[Case], None]


def packed(said: str, method: dict[str, object], tensors: dict[str, np.ndarray]) -> Case:
    """A file of quantised weights that cannot be decoded."""
    files = {"w.safetensors": save(tensors)}
    return Case(lambda: packed_weights(read_header(Path("w.safetensors")), method), said, files=files)


EIGHT, FP8, ONE = {"load_in_8bit": True}, {"quant_method": "fp8"}, np.ones(1, np.float32)
INT, UINT = np.ones((2, 2), np.int8), np.ones((2, 2), np.uint8)
QUANTISED = [
    packed("its configuration says fp8, but no weight is", FP8, {"a.weight": ONE}),
    packed("a.weight has no scale to decode it with", FP8, {"a.weight": INT}),
    packed("b.weight has no scale to decode it with", EIGHT, {"b.weight": INT}),
    packed("a.weight has no state to decode it with", EIGHT, {"a.weight": UINT}),
    packed("weights stored as U8 cannot be decoded", FP8, {"a.weight": UINT, "a.weight_scale": ONE}),
]


@pytest.mark.parametrize("case", QUANTISED, ids=str)
def test_quantised(case: Case, told: Told) -> None:
    told(case)


def test_a_norm_that_is_not_there(told: Told) -> None:
    model = tiny_model("gemma2")
    shapes = {n: s for n, s in shapes_of(model).items() if "0.post_attention_layernorm" not in n}
    told(Case(lambda: read_anatomy(model.config.to_dict(), shapes), "the norm after a writer is missing"))


def test_experts_of_their_own(told: Told) -> None:
    anatomy = anatomy_of(tiny_model("llama"))
    block = anatomy.blocks[0]
    matrix = replace(block.values[0], values=replace(block.values[0].values, expert=0))
    apart = replace(anatomy, blocks=(replace(block, values=(matrix,)),))
    told(Case(lambda: neurons_of(apart), "is an expert of its own, which no loaded model"))


def test_neurons_without_an_effect(told: Told) -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mlp.down_proj.weight.zero_()
    told(Case(lambda: load_neurons(model), "changed coefficients do not change what the model predicts"))


def test_a_norm_of_another_kind(told: Told) -> None:
    norm = torch.nn.Tanh()
    told(Case(lambda: measured_gain(norm, 8), "a Tanh is no known kind of final norm"))


def test_texts_that_cannot_be_read(told: Told) -> None:
    model = tiny_model("llama")
    anatomy = anatomy_of(model)

    def read(row: list[int]) -> None:
        list(pooled_states(model, anatomy, [row], [[0]], [], "mean", lambda n: f"t.txt:{n + 1}"))

    told(Case(lambda: read([]), "t.txt:1: has no tokens"))

    def full(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("full")

    model.model.forward = full
    told(Case(lambda: read([5]), "t.txt:1: a text of 1 tokens does not fit into memory", ExitCode.FAILED))


def test_a_model_that_remembers_otherwise(told: Told) -> None:
    model = tiny_model("qwen3_next")
    probe = LinearProbe(np.ones(64), site=ProbeSite(layer=0))
    told(usage(lambda: Reader(model, probe).empty(), "--method pplm: the model remembers by a"))


def test_a_template_that_cannot_write_a_turn(told: Told, tiny_tokenizer: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_tokenizer)
    form = {"c.jinja": "{{ raise_exception('no user') }}"}
    told(
        Case(
            lambda: use_template(tokenizer, Path("c.jinja")),
            "cannot write a user's turn: no user",
            files=form,
        )
    )


def test_merged_numbers_that_are_too_large(told: Told) -> None:
    large = np.full((1, 2), 3e38, np.float32)
    model: Any = SimpleNamespace(name="m", rows=lambda *_: large, shapes={"a": (1, 2)})
    job = Job("a", (1, 2), METHODS["linear"], Values(weights=(1.0, 1.0)), (model, model), None)
    told(Case(lambda: job.sure(np.full((1, 2), np.inf, np.float32)), "the merged a holds numbers too large"))


def test_folders_that_lack_weights(told: Told, tiny_causal: Path) -> None:
    files = {path.name: path.read_bytes() for path in tiny_causal.iterdir() if path.is_file()}
    weights = load_file(tiny_causal / "model.safetensors")
    lost = next(name for name in weights if "up_proj" in name)
    files["model.safetensors"] = save({n: w for n, w in weights.items() if n != lost}, {"format": "pt"})
    said = f"m lacks weights that a LlamaForCausalLM needs, such as {lost}"
    told(usage(lambda: load_causal(find_model("m"), "cpu"), said, **{f"m/{n}": c for n, c in files.items()}))


def test_pickles_of_something_else(told: Told, tmp_path: Path) -> None:
    torch.save({"a": "words"}, tmp_path / "pytorch_model.bin")
    told(Case(lambda: write_safetensors(Path(), Path("out")), "holds something else than named tensors"))


def test_adapters_that_change_their_base(told: Told, tiny_causal: Path) -> None:
    config = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["q_proj"]}
    weights = save({"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": np.ones((1, 32))})
    files = {
        "d/adapter_config.json": json.dumps(config | {"init_lora_weights": "pissa_niter_4"}),
        "d/adapter_model.safetensors": weights,
    }
    told(
        Case(
            f"merge {tiny_causal} --adapter d -o out", "began with pissa_niter_4, which changes", files=files
        )
    )
    files["d/adapter_config.json"] = json.dumps(config | {"layer_replication": [[0, 1]]})
    told(Case(f"merge {tiny_causal} --adapter d -o out", "replicates layers, which cannot be", files=files))


def test_layers_of_another_kind(told: Told, tiny_causal: Path) -> None:
    files = {path.name: path.read_bytes() for path in tiny_causal.iterdir() if path.is_file()}
    weights = load_file(tiny_causal / "model.safetensors")
    more = weights | {"model.layers.0.self_attn.q_proj.bias": np.zeros(32, np.float32)}
    files["model.safetensors"] = save(more, {"format": "pt"})
    recipe = f"""
merge_method: linear
slices: [{{sources: [{{model: m, layer_range: [0, 1], parameters: {{weight: 1}}}},
  {{model: {tiny_causal}, layer_range: [0, 1], parameters: {{weight: 1}}}}]}}]
"""
    folder = {f"m/{name}": content for name, content in files.items()} | {"r.yml": recipe}
    told(Case("merge --recipe r.yml -o out", "lacks model.layers.0.self_attn.q_proj.bias", files=folder))


def test_a_tokenizer_without_padding(told: Told) -> None:
    tokenizer = SimpleNamespace(pad_token_id=None, pad_token_type_id=0, padding_side="right")
    loaded: Any = SimpleNamespace(tokenizer=tokenizer, source=SimpleNamespace(name="m"))
    rows = {"input_ids": [[1], [1, 2]]}
    told(usage(lambda: pad_batch(loaded, rows, [0, 1]), "the tokenizer of m has no padding token"))


def test_a_slow_tokenizer(told: Told) -> None:
    told(
        usage(lambda: check_offsets(SimpleNamespace(is_fast=False), "m"), "the tokenizer of m is a slow one")
    )


def test_a_window_without_memory(told: Told, tiny_classifier: Path) -> None:
    loaded = load_classifier(find_model(str(tiny_classifier)), "cpu")

    def full(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("full")

    loaded.model.forward = full
    detector = TokenDetector(loaded, "m", (1,))
    told(
        Case(lambda: detector.tokens(["a word"]), "one window does not fit into the memory", ExitCode.FAILED)
    )


def test_a_checkpoint_without_a_recipe(told: Told, tmp_path: Path) -> None:
    torch.save({"config": {"arch": {}}, "state_dict": {}}, tmp_path / "c.ckpt")
    told(Case(lambda: load_text_scorer("detoxify:c.ckpt"), "this checkpoint's config lacks 'args'"))
