"""Statistics of all neurons from one streaming pass are those of all coefficients kept."""

import numpy as np
import pytest
import torch

from detox_cli.models.neurons.hooks import on_coefficients
from detox_cli.models.neurons.moments import KINDS, Streaming
from detox_cli.models.neurons.proof import load_neurons
from detox_cli.models.neurons.ranking import components, projections, rank, stacked
from detox_cli.models.neurons.reading import Written, read_written, written_greedily
from detox_cli.models.neurons.sums import WeightedSums
from tests.models.architectures import WIDTH, tiny_model

PROMPTS = [tuple(range(3, 3 + length)) for length in (4, 9, 2, 6, 7)]


def everything(model, neurons, texts, gates=False):
    """Every value at every position that counts, by kind: a list of ``[n, N]``, one for each text."""
    found = {kind: [] for kind in KINDS}
    for text in texts:
        whole = {kind: torch.full((len(text.ids), neurons.total), torch.nan) for kind in KINDS}
        whole["product"].zero_()

        def see(seen, whole=whole):
            start = neurons.starts[seen.part.layer] + seen.part.first
            _, places = seen.positions().T
            for kind, values in (("product", seen.values), ("gate", seen.gate), ("up", seen.up)):
                if values is not None:
                    whole[kind][places, start : start + seen.part.size] = values

        with torch.no_grad(), on_coefficients(model, neurons, see, gates=gates):
            model(input_ids=torch.tensor([text.ids]), use_cache=False)
        for kind in KINDS:
            found[kind].append(whole[kind][len(text.prompt) - 1 :].double().numpy())
    return found


@pytest.mark.parametrize("family", ["gpt2", "phi3", "opt", "qwen2_moe", "gpt_oss"])
def test_streamed_statistics_are_those_of_everything(family: str) -> None:
    model = tiny_model(family)
    neurons = load_neurons(model).neurons
    texts = written_greedily(model, PROMPTS, [5], 6, 1024)
    assert all(1 <= text.count <= 6 for text in texts)
    weights = np.random.default_rng(0).standard_normal((2, neurons.total))
    streams = {kind: Streaming(neurons, kind) for kind in KINDS}
    halves = [Streaming(neurons), Streaming(neurons)]
    sums = WeightedSums(neurons, weights, len(texts))
    read_written(model, neurons, texts, [*streams.values(), sums], 16, gates=True)
    for half, part in zip(halves, (texts[:2], texts[2:]), strict=True):
        read_written(model, neurons, part, [half], 1024)
    halves[0].merge(halves[1])
    kept = everything(model, neurons, texts, gates=True)
    for kind, stream in {**streams, "merged": halves[0]}.items():
        values = np.concatenate(kept["product" if kind == "merged" else kind])
        found = stream.moments()
        if np.isnan(values).all():
            assert not found.mean.any()
            continue
        shown = ~np.isnan(values).all(0)
        values = values[:, shown]
        count = (~np.isnan(values)).sum(0)
        assert found.n == count.max() or kind in ("gate", "up")
        assert np.allclose(found.mean[shown], np.nanmean(values, 0), atol=1e-6)
        assert np.allclose(found.variance[shown], np.nanvar(values, 0), atol=1e-6)
        assert np.allclose(found.low[shown], np.nanmin(values, 0), atol=1e-6)
        assert np.allclose(found.high[shown], np.nanmax(values, 0), atol=1e-6)
        assert np.allclose(found.positive[shown], (values > 0).sum(0) / count)
    by_text = np.stack([values.mean(0) @ weights.T for values in kept["product"]])
    assert np.allclose(sums.per_text([text.count for text in texts]), by_text, atol=1e-5)


def test_positions_after_the_end_of_an_answer_do_not_count() -> None:
    model = tiny_model("gpt2")
    (free,) = written_greedily(model, PROMPTS[:1], [], 6, 1024)
    end = free.answer[2]
    (ended,) = written_greedily(model, PROMPTS[:1], [end], 6, 1024)
    first = free.answer.index(end)
    assert free.count == 6 and len(free.ids) == 4 + 5
    assert ended == Written(PROMPTS[0], free.answer[:first], first + 1)
    assert len(ended.ids) == 4 + first


def test_a_planted_vector_is_found_and_chance_is_told_apart() -> None:
    model = tiny_model("llama")
    vectors = load_neurons(model)
    direction = np.random.default_rng(3).standard_normal(WIDTH)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[:, 17] = torch.from_numpy(direction)
        model.model.layers[0].mlp.down_proj.weight[:, 5] = -2 * torch.from_numpy(direction)
    random = np.random.default_rng(4).standard_normal((50, WIDTH))
    ranked = rank(vectors, direction, random)
    assert ranked.top(1) == [(1, 17)] and ranked.top(1, sign=-1) == [(0, 5)]
    assert len(ranked.top(3, per_layer=True)) == 6 and ranked.top(3, per_layer=True)[0] == (1, 17)
    assert ranked.cosines[vectors.neurons.place((1, 17))] == pytest.approx(1)
    assert ranked.z[vectors.neurons.place((1, 17))] > 5 and ranked.chance(0.99) == pytest.approx(1 / 51)
    assert ranked.chance(0.01) == 1
    rows = stacked(vectors, [(1, 17), (0, 5)])
    assert np.allclose(rows, [direction, -2 * direction], atol=1e-5)
    found = projections(vectors, direction[None])[0]
    assert found[vectors.neurons.place((0, 5))] == pytest.approx(-2 * direction @ direction, rel=1e-5)
    (first, *_), values = components(np.stack([direction, 3 * direction, direction + 0.01]))
    assert first @ direction == pytest.approx(np.linalg.norm(direction), rel=1e-3)
    assert values[0] == pytest.approx(np.sqrt(3), rel=1e-3)
