"""The KL of a changed model against its definition, on rows of different length."""

from pathlib import Path

import numpy as np
import pytest
import torch

from detox_cli.errors import DetoxError
from detox_cli.models.loading import load_causal
from detox_cli.models.sources import find_model
from detox_cli.scoring.divergence import answer_log_probabilities, divergences, greedy_beginnings
from detox_cli.scoring.forced import ForcedReader

PROMPTS = [[0, 40, 41, 42, 43, 44, 45], [0, 50, 51], [0, 60, 61, 62]]
END = 2


@pytest.fixture
def model(tiny_causal: Path):
    return load_causal(find_model(str(tiny_causal)), "cpu", "float32").model


@torch.inference_mode()
def test_divergences_equal_their_definition(model) -> None:
    answers = greedy_beginnings(model, PROMPTS, [END], count=5)
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        ids = list(prompt)
        for token in answer:  # greedy, one token at a time, without a cache
            assert int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()) == token
            ids.append(token)
    for batch_tokens in (8, 4096):
        base = answer_log_probabilities(model, PROMPTS, answers, batch_tokens)
        assert [len(logs) for logs in base] == [len(answer) for answer in answers]
    wanted = []
    plain = [
        model(torch.tensor([[*p, *a]]), use_cache=False).logits[0]
        for p, a in zip(PROMPTS, answers, strict=True)
    ]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for weight in model.parameters():
            weight.mul_(1 + 0.3 * torch.randn_like(weight))
    changed = answer_log_probabilities(model, PROMPTS, answers)
    for prompt, answer, logits in zip(PROMPTS, answers, plain, strict=True):
        other = model(torch.tensor([[*prompt, *answer]]), use_cache=False).logits[0]
        where = slice(len(prompt) - 1, len(prompt) + len(answer) - 1)
        p, q = (x[where].double().log_softmax(-1) for x in (logits, other))
        wanted.append(torch.nn.functional.kl_div(q, p, reduction="none", log_target=True).sum(-1))
    found = divergences(base, changed)
    np.testing.assert_allclose(found.mean, [float(row.mean()) for row in wanted], rtol=1e-3)
    np.testing.assert_allclose(found.first, [float(row[0]) for row in wanted], rtol=1e-3)
    assert found.mean.min() > 0.001
    assert divergences(base, base).mean.tolist() == [0, 0, 0]


def test_an_answer_that_ends_at_once_is_its_end(model) -> None:
    bias = torch.zeros(model.config.vocab_size)
    bias[END] = 1e4
    model.lm_head.bias = torch.nn.Parameter(bias)
    assert greedy_beginnings(model, PROMPTS, [END], count=5) == [[END]] * 3


def test_words_that_are_ruled_out_count_nothing_and_no_numbers_are_an_error() -> None:
    half, none = float(np.log(0.5)), -torch.inf
    base, same = torch.tensor([[half, half, none]]), torch.tensor([[half, half, none]])
    assert divergences([base], [same]).mean.tolist() == [0]
    with pytest.raises(DetoxError, match="not a number"):
        divergences([base], [torch.tensor([[float("nan"), half, half]])])


def test_a_common_prefix_is_read_once_and_changes_nothing(model) -> None:
    prompts = [[*range(10, 30), *rest] for rest in ([5, 6, 7], [8], [9, 9, 4, 3], range(40, 60))]
    answers = greedy_beginnings(model, prompts, [END], 5)
    reader, plain = ForcedReader(model, prompts, 4096), ForcedReader(model, [[1, 2, 3], [1, 2, 4]], 4096)
    assert (len(reader.prefix), plain.prefix) == (20, ())
    with reader.unchanged():
        twice = [reader.read(prompts, answers) for _ in range(2)]
    for got, again, wanted in zip(*twice, plain.read(prompts, answers), strict=True):
        assert torch.equal(got, again) and got.shape == wanted.shape
        assert torch.allclose(got, wanted, atol=1e-3)
    with torch.inference_mode():
        model.get_input_embeddings().weight.mul_(2)
    assert not torch.allclose(reader.read(prompts, answers)[0], twice[0][0], atol=1e-2)
