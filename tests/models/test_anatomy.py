"""The table of families, proved on real models; and what is refused."""

import re
from dataclasses import replace

import pytest
import torch

from detox_cli.errors import BadData
from detox_cli.models.anatomy.families import FAMILIES
from detox_cli.models.anatomy.proof import prove
from detox_cli.models.anatomy.read import read_anatomy
from detox_cli.models.hooks import on_block_inputs, on_block_outputs
from tests.models.architectures import ARCHITECTURES, WIDTH, tiny_model


def shapes_of(model) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


def anatomy_of(model):
    return read_anatomy(model.config.to_dict(), shapes_of(model))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_proved_on_a_model_that_stays_as_it_was(family: str) -> None:
    model = tiny_model(family)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    left = prove(model, anatomy_of(model))
    assert len(left) == model.config.num_hidden_layers + 1
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert count_hooks(model) == 0


def test_the_table_has_the_families_that_people_use() -> None:
    assert set(ARCHITECTURES) == set(FAMILIES)


def replaced(anatomy, change):
    """The anatomy with every writer changed, or left out where the change gives nothing."""
    blocks = tuple(
        replace(block, writers=tuple(new for w in block.writers if (new := change(w))))
        for block in anatomy.blocks
    )
    return replace(
        anatomy, blocks=blocks, embeddings=tuple(n for w in anatomy.embeddings if (n := change(w)))
    )


@pytest.mark.parametrize(
    ("family", "change"),
    [
        ("llama", lambda w: None if w.bias and w.kind == "mlp" else w),
        ("llama", lambda w: replace(w, axis=-1) if w.kind == "attention" and not w.bias else w),
        ("gemma2", lambda w: replace(w, gains=())),
        ("gemma3_text", lambda w: replace(w, gains=tuple(replace(g, offset=0.0) for g in w.gains))),
        ("bloom", lambda w: replace(w, gains=())),
        ("bloom", lambda w: replace(w, gains=tuple(replace(g, centred=False) for g in w.gains))),
        ("gpt2", lambda w: None if w.kind == "positions" else w),
        ("qwen2_moe", lambda w: None if w.kind == "shared_expert" else w),
        ("qwen3_next", lambda w: None if w.kind == "mixer" else w),
        ("gpt_oss", lambda w: None if w.kind == "expert" and w.bias else w),
    ],
)
def test_the_proof_finds_what_is_missing_or_on_the_wrong_axis(family: str, change) -> None:
    model = tiny_model(family)
    with pytest.raises(BadData, match="still written"):
        prove(model, replaced(anatomy_of(model), change))


def test_a_layer_an_expert_or_a_writer_that_is_not_there_is_an_error() -> None:
    config, shapes = tiny_model("mixtral").config.to_dict(), shapes_of(tiny_model("mixtral"))

    def without(pattern: str) -> dict[str, tuple[int, ...]]:
        return {name: shape for name, shape in shapes.items() if not re.search(pattern, name)}

    for pattern, said in {
        r"layers\.1\.": "layers without a tensor: 1 of 2",
        r"1\.mlp\.experts\.down_proj": r"layers\.1: has a router but no experts",
        r"1\.mlp\.": r"layers\.1: lacks its attention or its MLP",
        r"layers\.0\.self_attn\.o_proj": r"layers\.0: lacks",
        r"embed_tokens": "embed_tokens.weight should end in 64 columns, found is nothing",
        r"mlp\.experts\.gate_up_proj": "keys of a down-projection are missing",
    }.items():
        with pytest.raises(BadData, match=said):
            read_anatomy(config, without(pattern))
    with pytest.raises(BadData, match="8 experts are configured, 4 are there"):
        read_anatomy({**config, "num_local_experts": 8}, shapes)
    with pytest.raises(BadData, match=r"holds tensors that its family does not have: adapter\.weight"):
        read_anatomy(config, {**shapes, "model.layers.1.adapter.weight": (WIDTH, WIDTH)})
    with pytest.raises(BadData, match=r"a mixtral holds .* not: model\.second_stream"):
        read_anatomy(config, {**shapes, "model.second_stream.weight": (WIDTH, WIDTH)})


def test_layers_for_further_tokens_and_other_towers_are_told_and_left_alone() -> None:
    shapes = shapes_of(tiny_model("deepseek_v3"))
    beside = {
        "model.layers.2.self_attn.o_proj.weight": (WIDTH, 64),
        "vision_tower.layers.0.fc2.weight": (8, 8),
    }
    anatomy = read_anatomy(tiny_model("deepseek_v3").config.to_dict(), {**shapes, **beside})
    assert anatomy.beside == tuple(beside)


@pytest.mark.parametrize(
    ("family", "changes", "said"),
    [
        ("opt", {"do_layer_norm_before": False}, "normalises the residual stream itself"),
        ("opt", {"word_embed_proj_dim": 32}, "projected to the width"),
        ("bloom", {"apply_residual_connection_post_layernorm": True}, "there is no stream"),
    ],
)
def test_models_without_a_plain_stream_are_refused_with_the_reason(family: str, changes, said: str) -> None:
    with pytest.raises(BadData, match=said):
        read_anatomy({**tiny_model(family).config.to_dict(), **changes}, {})


def test_an_unknown_family_lists_candidates_and_takes_targets() -> None:
    model = tiny_model("llama")
    config, shapes = {**model.config.to_dict(), "model_type": "novel"}, shapes_of(model)
    with pytest.raises(BadData, match=r"novel is not known; .*model\.layers\.\*\.mlp\.down_proj\.weight"):
        read_anatomy(config, shapes)
    anatomy = read_anatomy(config, shapes, targets=r"(o_proj|down_proj)\.|embed_tokens")
    assert {w.name for w in anatomy.writers} == {w.name for w in anatomy_of(model).writers}
    prove(model, anatomy)
    with pytest.raises(BadData, match="still written"):
        prove(model, read_anatomy(config, shapes, targets=r"down_proj\."))
    for targets, said in {
        "down_proj.*0": "no tensor matches",
        r"layers\.0\.mlp\.down": "layers without a target: 1",
        "gate_proj": "is no Linear weight",
        "(": "no regular expression",
    }.items():
        with pytest.raises(BadData, match=said):
            read_anatomy(config, shapes, targets=targets)


def test_value_matrices_come_with_their_gates() -> None:
    def first(family: str):
        values = anatomy_of(tiny_model(family)).blocks[0].values[0]
        return [name and name.removeprefix("model.layers.0.mlp.") for name in (values.gate, values.up)]

    assert first("llama") == ["gate_proj.weight", "up_proj.weight"]
    assert first("phi3") == ["gate_up_proj.weight", "gate_up_proj.weight"]
    assert first("mixtral") == ["experts.gate_up_proj", "experts.gate_up_proj"]
    assert first("gpt2") == [None, "transformer.h.0.mlp.c_fc.weight"]


@pytest.mark.parametrize("family", ["llama", "gpt2", "falcon"])
def test_hooks_see_true_block_outputs_may_change_them_and_go_away(family: str) -> None:
    model = tiny_model(family)
    anatomy = anatomy_of(model)
    outputs: dict[int, torch.Tensor] = {}
    inputs: dict[int, torch.Tensor] = {}
    ids = torch.arange(10)[None]
    with torch.no_grad():
        states = model(ids, output_hidden_states=True).hidden_states
        hooks = count_hooks(model)
        with on_block_outputs(model, anatomy, outputs.__setitem__):
            model(ids)
        assert torch.equal(states[1], outputs[0])
        assert not torch.allclose(states[2], outputs[1])  # the library gives the last after the final norm
        zeros = on_block_outputs(model, anatomy, lambda index, stream: stream * 0)
        with zeros, on_block_inputs(model, anatomy, inputs.__setitem__):
            model(ids)
    assert torch.equal(states[0], inputs[0]) and not inputs[1].any()
    assert count_hooks(model) == hooks


def count_hooks(model) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
