"""Statistics of the residual stream against a reference that reads one prompt at a time in float64."""

import gc
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from detox_cli.errors import BadData, DetoxError
from detox_cli.models.activations.collect import collect
from detox_cli.models.hooks import on_block_outputs
from detox_cli.output.progress import Silent
from tests.models.architectures import tiny_model
from tests.models.test_anatomy import anatomy_of, count_hooks

FAMILIES = (
    *("llama", "mistral", "qwen3", "gemma2", "gemma3_text", "cohere2", "phi3", "olmo2", "granite", "gpt2"),
    *("gptj", "gpt_neo", "gpt_neox", "bloom", "opt", "falcon", "mpt", "mixtral", "deepseek_v3", "gpt_oss"),
    *("gemma4_text", "qwen3_next", "jamba", "mamba"),
)
WINDOWS = {name: {"sliding_window": 4} for name in ("mistral", "gemma2", "gemma3_text", "cohere2", "gpt_oss")}
ALONE = ("qwen3_next", "jamba", "mamba", "mpt", *WINDOWS)
"""Their caches hold more than keys and values, or a window of 4 tokens sees padding behind a prefix."""
POSITIONS = 3


def prompts_of(lengths, seed: int = 0) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    return [generator.integers(3, 96, length).tolist() for length in lengths]


def sets() -> dict[str, list[list[int]]]:
    return {"positive": prompts_of((9, 4, 17, 9, 6)), "negative": prompts_of((2, 12, 5, 17), seed=1)}


def streams_of(model, anatomy, ids: list[int]) -> np.ndarray:
    """What every block returns for one prompt alone, ``[L, length, d]``, by hooks of the test's own."""
    seen: dict[int, torch.Tensor] = {}

    def hook(index: int):
        def keep(_module, _args, output) -> None:
            seen[index] = (output if isinstance(output, torch.Tensor) else output[0])[0]

        return keep

    handles = [
        model.get_submodule(block.path).register_forward_hook(hook(block.index)) for block in anatomy.blocks
    ]
    with torch.no_grad():
        model(input_ids=torch.tensor([ids]))
    for handle in handles:
        handle.remove()
    return torch.stack([seen[block.index] for block in anatomy.blocks]).double().numpy()


def check(found, model, anatomy, prompts: list[list[int]], tolerance: float) -> None:
    """Compare moments with sums that are written out, position by position."""
    all_streams = [streams_of(model, anatomy, ids) for ids in prompts]
    for position in range(-POSITIONS, 0):
        there = np.stack([streams[:, position] for streams in all_streams if streams.shape[1] >= -position])
        assert found.count[position] == len(there)
        expected = (found.mean, there.mean(0)), (found.mean_square, (there**2).mean(0))
        for own, reference in (*expected, (found.largest, np.abs(there).max(0))):
            size = np.abs(reference).max()
            assert np.abs(own[position] - reference).max() <= tolerance * size


@pytest.mark.parametrize("family", FAMILIES)
def test_statistics_are_those_of_prompts_read_one_by_one(family: str) -> None:
    model = tiny_model(family, **WINDOWS.get(family, {}))
    anatomy = anatomy_of(model)
    found = collect(model, anatomy, sets(), POSITIONS, batch_tokens=40)
    for name, prompts in sets().items():
        check(found[name], model, anatomy, prompts, 1e-5)
    assert count_hooks(model) == 0


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3_text"])
def test_padding_at_the_front_with_a_mask_gives_the_same(family: str) -> None:
    model = tiny_model(family, **WINDOWS.get(family, {})).double()
    anatomy, prompts = anatomy_of(model), prompts_of((9, 4, 17))
    mask = torch.tensor([[0] * (17 - len(ids)) + [1] * len(ids) for ids in prompts])
    padded = torch.tensor([[0] * (17 - len(ids)) + ids for ids in prompts])
    ends = {}

    def see(layer: int, stream: torch.Tensor) -> None:
        ends[layer] = stream[:, -POSITIONS:].double().numpy()

    with torch.no_grad(), on_block_outputs(model, anatomy, see):
        places = (mask.cumsum(1) - 1).clamp(min=0)
        model(input_ids=padded, attention_mask=mask, position_ids=places, use_cache=False)
    found = collect(model, anatomy, {"all": prompts}, POSITIONS)["all"]
    for layer, reference in ends.items():
        assert np.allclose(found.mean[:, layer], reference.mean(0), atol=1e-6)
        assert np.allclose(found.variance[:, layer], reference.var(0), atol=1e-6)


def test_the_memory_does_not_grow_with_the_prompts() -> None:
    model = tiny_model("llama")
    anatomy = anatomy_of(model)
    held: dict[int, list[int]] = {8: [], 28: []}
    for many, numbers in held.items():
        watch = Watch(lambda numbers=numbers: numbers.append(numbers_in_tensors()))
        collect(model, anatomy, {"all": prompts_of([10] * many)}, POSITIONS, batch_tokens=40, progress=watch)
        assert len(numbers) == many // 4
    assert max(held[28]) == max(held[8])


def test_a_lack_of_memory_halves_the_batches_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama").double()
    anatomy, batches = anatomy_of(model), []
    whole = collect(model, anatomy, sets(), POSITIONS)
    forward = model.model.layers[1].forward

    def small_memory(hidden, *args, **kwargs):
        batches.append(hidden.shape[0])
        if hidden.shape[0] > 2:
            raise torch.OutOfMemoryError("full")
        return forward(hidden, *args, **kwargs)

    monkeypatch.setattr(model.model.layers[1], "forward", small_memory)
    found = collect(model, anatomy, sets(), POSITIONS)
    assert batches[0] == 9 and sum(rows for rows in batches if rows <= 2) == 9
    for name in found:
        assert found[name].count.tolist() == whole[name].count.tolist()
        assert np.allclose(found[name].mean, whole[name].mean, rtol=1e-12)
    monkeypatch.setattr(model.model.layers[1], "forward", lambda *_a, **_k: torch.empty(1 << 60))
    with pytest.raises(DetoxError, match=r"positive prompt 3: a prompt of 17 tokens does not fit"):
        collect(model, anatomy, sets(), POSITIONS)


def test_numbers_that_are_not_finite_are_named_by_layer_and_prompt() -> None:
    model = tiny_model("llama")
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[0, 0] = float("nan")
    with pytest.raises(BadData, match=r"positive prompt 3: the residual stream after layer 1 holds"):
        collect(model, anatomy_of(model), sets(), POSITIONS)
    model = tiny_model("llama")
    with torch.no_grad():
        model.model.embed_tokens.weight[7] = float("inf")
    prompts = {"positive": [[3, 4, 5], [3, 4]], "negative": [[5, 5], [6, 7, 8, 9, 4]]}
    with pytest.raises(BadData, match=r"negative prompt 2: the residual stream after layer 0 holds"):
        collect(model, anatomy_of(model), prompts, POSITIONS)


def test_winsorizing_limits_each_vector_and_massive_dimensions_are_found() -> None:
    model = tiny_model("llama").double()
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 5] = 3e5
    anatomy, prompts = anatomy_of(model), prompts_of((9, 4))
    ends = np.stack([streams_of(model, anatomy, ids)[:, -POSITIONS:] for ids in prompts])  # [2, L, P, d]
    limit = np.sort(np.abs(ends), axis=-1)[..., [-2]]
    limited = np.clip(ends, -limit, limit).mean(0).transpose(1, 0, 2)
    plain = collect(model, anatomy, {"all": prompts}, POSITIONS)["all"]
    found = collect(model, anatomy, {"all": prompts}, POSITIONS, winsorize=63 / 64)["all"]
    assert np.allclose(found.mean, limited, atol=1e-6)
    assert np.array_equal(found.largest, plain.largest)
    assert plain.massive().sum() == plain.massive()[..., 5].sum() == POSITIONS * len(anatomy.blocks)


def test_an_empty_set_and_an_empty_prompt_are_refused() -> None:
    model = tiny_model("llama")
    with pytest.raises(BadData, match="the negative set has no prompts"):
        collect(model, anatomy_of(model), {"positive": [[3]], "negative": []}, 1)
    with pytest.raises(BadData, match="negative prompt 2: is empty"):
        collect(model, anatomy_of(model), {"positive": [[3]], "negative": [[3], []]}, 1)


class Watch(Silent):
    """A listener that looks around whenever something is done."""

    def __init__(self, look) -> None:
        self.look = look

    def task(self, label, total, done=0):
        return nullcontext(self)

    def advance(self, steps: int = 1) -> None:
        self.look()


def numbers_in_tensors() -> int:
    """How many floating numbers all tensors of this process hold."""
    tensors = [thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, torch.nn.Parameter)]
    return sum(tensor.numel() for tensor in tensors if tensor.is_floating_point())


BEFORE = list(range(40, 60))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_all_prompts_start_with_is_read_once_and_changes_nothing(family: str) -> None:
    model, read = tiny_model(family, **WINDOWS.get(family, {})), []
    anatomy = anatomy_of(model)
    together = {name: [[*BEFORE, *ids] for ids in prompts] for name, prompts in sets().items()}
    block = model.get_submodule(anatomy.blocks[0].path)
    handle = block.register_forward_hook(lambda _module, _args, output: read.append(stream_shape(output)))
    found = collect(model, anatomy, together, POSITIONS, batch_tokens=400)
    handle.remove()
    for name, prompts in together.items():
        check(found[name], model, anatomy, prompts, 1e-5)
    # the shortest prompt is shorter than the positions, and keeps a token of what is common for itself
    assert read[-1][1] == (37 if family in ALONE else 18)


def stream_shape(output) -> tuple[int, int]:
    stream = output if isinstance(output, torch.Tensor) else output[0]
    return stream.shape[0], stream.shape[1]
