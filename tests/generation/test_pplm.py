"""Continuations that a probe steers: more of its label, and nothing else changed."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch

from detox_cli.errors import BadData
from detox_cli.generation.load import load_engine
from detox_cli.generation.pplm.engine import PplmEngine
from detox_cli.generation.pplm.reading import Reader
from detox_cli.generation.pplm.steering import Position, Steering, moved
from detox_cli.generation.requests import Request, Sampling
from detox_cli.models.probes.probe import EMBEDDING, LinearProbe, ProbeSite
from detox_cli.models.sources import find_model

TEXTS = ["The train was", "A book about the", "The", "On the second day we", "This page is"]
SITES = (
    ProbeSite(after_norm=True),
    ProbeSite(layer=0, pooling="last"),
    ProbeSite(pooling="max"),
)


@pytest.fixture(params=["tiny_causal", "tiny_gpt2"])
def engine(request):
    return load_engine(find_model(str(request.getfixturevalue(request.param))), device="cpu", dtype="float32")


def probe_of(width: int, site: ProbeSite = SITES[0]) -> LinearProbe:
    return LinearProbe(np.random.default_rng(1).normal(size=width), site=site)


def requests(samples: int = 2) -> list[Request]:
    return [Request(f"r{place}", text, 7 + place, samples) for place, text in enumerate(TEXTS)]


def width_of(engine) -> int:
    return engine.model.config.hidden_size


def said(engine, reader: Reader, prompt: str, text: str) -> float:
    ids = torch.tensor([engine.tokenizer(prompt + text).input_ids])
    with torch.no_grad():
        return float(reader.scores(reader.read(reader.empty(), tokens=ids).states))


def test_a_steered_continuation_has_more_of_the_label():
    """Against the same steered away from it, by a model whose past matters to what it writes."""
    engine = load_engine(find_model("builtin:lm"), device="cpu", dtype="float32")
    probe = LinearProbe(probe_of(width_of(engine)).unit, site=SITES[0])
    asked = requests()[:3]
    steering = Steering(step_size=2.0, iterations=5, gm_scale=1.0, kl_scale=0.0)
    steered = PplmEngine(engine, probe, steering)
    away = PplmEngine(engine, replace(probe, direction=-probe.direction), steering)
    found = {one.id: one for one in steered.generate(asked, Sampling(4))}
    other = {one.id: one for one in away.generate(asked, Sampling(4))}
    greedy = {one.id: one.samples[0] for one in engine.generate(requests(1), Sampling(4, temperature=0))}
    more = []
    for request in asked:
        texts = [both[request.id].samples for both in (found, other)]
        assert texts[0][0] == texts[1][0] == greedy[request.id], "the first is not steered"
        scores = [said(engine, steered.reader, request.prompt, both[1].text) for both in texts]
        more.append(scores[0] - scores[1])

    assert np.mean(more) > 0.2, more


def test_a_run_that_goes_on_gives_the_same(engine):
    steered = PplmEngine(engine, probe_of(width_of(engine)), Steering(iterations=2))
    found = {one.id: one for one in steered.generate(requests(), Sampling(4))}
    rest = list(steered.generate(requests(), Sampling(4), done={"r0", "r3"}))
    assert sorted(one.id for one in rest) == ["r1", "r2", "r4"]
    assert all(one == found[one.id] for one in rest)


@pytest.mark.parametrize("site", SITES, ids=lambda site: f"{site.place}, {site.pooling}")
def test_moving_keys_and_values_raises_the_score_and_leaves_the_past_as_it_was(engine, site):
    reader = Reader(engine.model, probe_of(width_of(engine), site))
    ids = torch.tensor([[10, 20, 30, 40], [50, 60, 70, 80]])
    with torch.no_grad():
        first = reader.read(reader.empty(), tokens=ids[:, :-1])
        plain = reader.read(first.past, tokens=ids[:, -1:])
        at = Position(ids[:, -1:], first.past, plain.logits.softmax(-1), plain.past, first.states)
        before = [one.clone() for both in first.past.tensors for one in both]
        past = moved(reader, at, Steering(iterations=5, window=2, horizon=0, kl_scale=0))
        steered = reader.read(past, tokens=ids[:, -1:])
    assert (reader.scores(steered.states) > reader.scores(plain.states)).all()
    assert all(torch.equal(a, b) for a, b in zip(before, chain(*first.past.tensors), strict=True))
    (keys, _), (old, _) = past.tensors[0], first.past.tensors[0]
    assert torch.equal(keys[:, :, 0], old[:, :, 0]), "outside the window nothing moves"


def test_without_a_step_it_is_sampling(engine):
    steering = Steering(step_size=1e-12, iterations=1, top_k=5)
    steered = PplmEngine(engine, probe_of(width_of(engine)), steering)
    plain = engine.generate(requests(), Sampling(6, temperature=1.0, top_p=1.0, top_k=5))
    expected = {one.id: one.samples[1] for one in plain}
    assert {one.id: one.samples[1] for one in steered.generate(requests(), Sampling(6))} == expected


def test_a_probe_of_another_model_is_refused(engine):
    with pytest.raises(BadData, match="width"):
        PplmEngine(engine, probe_of(width_of(engine) + 1), Steering())
    with pytest.raises(BadData, match="layers"):
        PplmEngine(engine, probe_of(width_of(engine), ProbeSite(layer=99)), Steering())
    with pytest.raises(BadData, match="embeddings"):
        PplmEngine(engine, probe_of(width_of(engine), ProbeSite(layer=EMBEDDING)), Steering())
