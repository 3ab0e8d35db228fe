"""Coefficients and value vectors of every kind of MLP: they are what the modules compute."""

import numpy as np
import pytest
import torch

from detox_cli.errors import BadData
from detox_cli.models.anatomy.loaded import anatomy_of
from detox_cli.models.neurons.final_norm import final_norm, in_stream
from detox_cli.models.neurons.hooks import on_coefficients
from detox_cli.models.neurons.parts import Neurons, neurons_of
from detox_cli.models.neurons.proof import load_neurons, reproduced
from detox_cli.models.neurons.values import ValueVectors
from tests.models.architectures import ARCHITECTURES, WIDTH, tiny_model

FAMILIES = (
    *("gpt2", "bloom", "gpt_neox", "gptj", "falcon", "opt", "mpt", "phi3", "granite", "apertus"),
    *("llama", "mistral", "qwen2", "qwen3", "stablelm", "smollm3", "cohere", "cohere2"),
    *("gemma", "gemma2", "gemma3_text", "olmo2", "mixtral", "qwen3_moe", "gpt_oss", "llama4_text"),
)
PROMPTS, NEW = 5, 4
IDS = torch.arange(3, 3 + 2 * PROMPTS).reshape(2, PROMPTS)


class Kept:
    """Coefficients of every pass, ``[rows, length, neurons]`` by layer; 0 where an expert rests."""

    def __init__(self, neurons: Neurons) -> None:
        self.neurons, self.passes, self.last = neurons, [], None

    def __call__(self, seen) -> None:
        if self.last is None or seen.part.layer < self.last:
            self.passes.append([torch.zeros(*seen.shape, size) for size in self.neurons.sizes])
        self.last = seen.part.layer
        rows, places = seen.positions().T
        units = slice(seen.part.first, seen.part.first + seen.part.size)
        self.passes[-1][seen.part.layer][rows, places, units] = seen.values


def state_of(model):
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
    return hooks, ["forward" in m.__dict__ for m in model.modules()]


def logits(model, ids=IDS):
    with torch.no_grad():
        return model(input_ids=ids, use_cache=False).logits


@pytest.mark.parametrize("family", FAMILIES)
def test_coefficients_make_the_output_equal_those_of_generation_and_can_be_changed(family: str) -> None:
    model = tiny_model(family)
    before = state_of(model)
    vectors = load_neurons(model)
    neurons = vectors.neurons
    assert max(reproduced(model, vectors).values()) < 1e-5

    stepwise, forced = Kept(neurons), Kept(neurons)
    settings = {"max_new_tokens": NEW, "min_new_tokens": NEW, "do_sample": False, "pad_token_id": 0}
    with on_coefficients(model, neurons, stepwise):
        written = model.generate(input_ids=IDS, attention_mask=torch.ones_like(IDS), **settings)
    with on_coefficients(model, neurons, forced), torch.no_grad():
        model(input_ids=written, use_cache=False)
    assert len(stepwise.passes) == NEW and len(forced.passes) == 1
    for layer, size in enumerate(neurons.sizes):
        one_pass = forced.passes[0][layer][:, PROMPTS - 1 : PROMPTS + NEW - 1]
        in_steps = torch.stack([whole[layer][:, -1] for whole in stepwise.passes], 1)
        assert torch.allclose(in_steps, one_pass, atol=1e-6)
        assert size == 0 or one_pass.any()

    plainly = logits(model)
    with on_coefficients(model, neurons, lambda seen: seen.values * 1.0):
        assert torch.allclose(logits(model), plainly, atol=1e-4)
    with on_coefficients(model, neurons, lambda seen: seen.values * 2 if seen.part.layer == 0 else None):
        assert not torch.allclose(logits(model), plainly, atol=1e-4)
    with pytest.raises(KeyError), on_coefficients(model, neurons, lambda seen: {}[seen.part.layer]):
        logits(model)
    assert state_of(model) == before
    assert torch.equal(logits(model), plainly)


def test_what_peft_puts_on_a_model_is_part_of_its_value_vectors() -> None:
    from peft import LoraConfig, get_peft_model

    for family, targets in (
        ("llama", {"target_modules": ["down_proj"]}),
        ("gpt2", {"target_modules": ["c_proj"]}),
    ):
        plainly = ValueVectors(tiny_model(family), neurons_of(anatomy_of(tiny_model(family))))
        model = get_peft_model(tiny_model(family), LoraConfig(r=4, init_lora_weights=False, **targets)).eval()
        vectors = load_neurons(model)
        part = vectors.neurons.parts[0]
        assert part == plainly.neurons.parts[0]
        assert not torch.allclose(vectors.rows(part), plainly.rows(part), atol=1e-3)
        with model.disable_adapter():
            assert torch.equal(vectors.rows(part), plainly.rows(part))


def test_experts_with_an_adapter_on_their_tensors() -> None:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=4, init_lora_weights=False, target_modules=[], target_parameters=["experts.down_proj"]
    )
    vectors = load_neurons(get_peft_model(tiny_model("qwen3_moe"), config).eval())
    assert vectors.neurons.sizes == (64, 64) and vectors.neurons.parts[5].expert == 1


@pytest.mark.parametrize("bits", ["4bit", "8bit"])
def test_weights_in_few_bits_count_as_what_they_stand_for(bits) -> None:
    pytest.importorskip("bitsandbytes")
    from detox_cli.models.loading import load_causal
    from detox_cli.models.sources import find_model
    from detox_cli.models.weights import WeightForm

    source = find_model("builtin:lm")
    whole, few = (
        load_neurons(load_causal(source, form=form).model) for form in (WeightForm(), WeightForm(bits))
    )
    part = whole.neurons.parts[0]
    assert (few.rows(part) - whole.rows(part)).norm() < 0.15 * whole.rows(part).norm()


def test_weights_that_lie_on_the_disk_are_read_from_there(tmp_path) -> None:
    from transformers import AutoModelForCausalLM

    model = tiny_model("qwen2_moe")
    model.save_pretrained(tmp_path)
    places = dict.fromkeys(("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"), "cpu")
    places |= {"model.layers.0": "cpu", "model.layers.1": "disk"}
    away = AutoModelForCausalLM.from_pretrained(tmp_path, device_map=places, offload_folder=tmp_path / "away")
    here, there = load_neurons(model), load_neurons(away.eval())
    for part in here.neurons.parts:
        assert torch.equal(there.rows(part, folded=True), here.rows(part, folded=True))


def test_a_model_that_sees_too_is_read_by_its_text_part() -> None:
    from transformers import AutoConfig, AutoModelForImageTextToText

    text = {**ARCHITECTURES["gemma3_text"], "model_type": "gemma3_text"}
    sight = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sight |= {"image_size": 28, "patch_size": 14}
    config = AutoConfig.for_model("gemma3", text_config=text, vision_config=sight, mm_tokens_per_image=4)
    torch.manual_seed(0)
    vectors = load_neurons(AutoModelForImageTextToText.from_config(config).eval())
    assert vectors.neurons.sizes == (48, 48)


@pytest.mark.parametrize("family", ["llama", "gemma", "gpt2", "cohere", "nemotron", "olmo", "qwen3_next"])
def test_a_direction_behind_the_final_norm_is_followed_into_the_stream(family: str) -> None:
    model = tiny_model(family)
    anatomy = anatomy_of(model)
    generator = torch.Generator().manual_seed(1)
    stream, step = torch.randn(WIDTH, generator=generator), 1e-3 * torch.randn(WIDTH, generator=generator)
    probe = torch.randn(WIDTH, generator=generator)
    stream = stream - stream.mean()  # what a step along the stream itself does, norms take away
    norm = final_norm(model, anatomy)
    seen = torch.from_numpy(in_stream(model, anatomy, probe.double().numpy()))
    step = step - (step @ stream) / (stream @ stream) * stream
    with torch.no_grad():
        moved = (
            (norm.double()((stream + step).double()) - norm((stream - step).double())) @ probe.double() / 2
        )
    length = stream.square().mean().sqrt()
    assert float(moved) == pytest.approx(float(step.double() @ seen / length), rel=2e-3)


def test_gains_of_norms_behind_an_mlp_are_folded_into_its_vectors() -> None:
    model = tiny_model("gemma3_text")
    vectors = ValueVectors(model, neurons_of(anatomy_of(model)))
    part = vectors.neurons.parts[1]
    gain = 1 + model.model.layers[1].post_feedforward_layernorm.weight
    assert torch.allclose(vectors.rows(part, folded=True), vectors.rows(part) * gain, atol=1e-6)


def test_what_is_no_model_with_value_vectors_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadData, match="no layer of this mamba has an MLP of a known form"):
        load_neurons(tiny_model("mamba"))
    model = tiny_model("bloom", pretraining_tp=2, slow_but_exact=True)
    with pytest.raises(BadData, match="never ran as a module"):
        load_neurons(model)
    monkeypatch.setattr(ValueVectors, "bias", lambda self, part: None)
    with pytest.raises(BadData, match="not what it gives out"):
        load_neurons(tiny_model("gpt2"))
    neurons = neurons_of(anatomy_of(model))
    assert neurons.at(neurons.place((1, 7))) == (1, 7)
    for neuron, said in (((2, 0), "layers 0 to 1, not 2"), ((0, 256), "none is number 256")):
        with pytest.raises(BadData, match=said):
            neurons.place(neuron)
    with pytest.raises(BadData, match="16 numbers, the stream of the model has 64"):
        in_stream(model, neurons.anatomy, np.ones(16))
