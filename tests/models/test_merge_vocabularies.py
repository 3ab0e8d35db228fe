"""Models with different vocabularies: rows belong together by token, not by number."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from tests.conftest import Outcome
from tests.parity.merges import WORDS, tensors, write_model

Detox = Callable[..., Outcome]
TABLES = ("model.embed_tokens.weight", "lm_head.weight")
PLAIN = ["<unk>", *(f"word{i}" for i in range(1, WORDS))]


def with_tokens(folder: Path, model: int, words: list[str], rows: list[int]) -> Path:
    """A model whose tables have these rows of the usual ones, and a tokenizer with these words."""
    write_model(folder, model)
    weights = tensors(model)
    for name in TABLES:
        weights[name] = np.ascontiguousarray(weights[name][rows])
    save_file(weights, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": len(rows)}))
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return with_tokens(tmp_path / "plain", 0, PLAIN, list(range(WORDS)))


def test_rows_in_another_order_are_found_by_token(detox: Detox, plain: Path, tmp_path: Path) -> None:
    order = [0, *range(WORDS - 1, 0, -1)]
    turned = with_tokens(tmp_path / "turned", 0, [PLAIN[i] for i in order], order)
    refused = detox("merge", plain, turned, "-o", tmp_path / "out")
    assert refused.code == 3 and "'word1' is token 23" in refused.err and "--tokenizer" in refused.err
    assert detox("merge", plain, turned, "-o", tmp_path / "out", "--tokenizer", "base").code == 0
    found = load_file(tmp_path / "out" / "model.safetensors")
    for name, value in tensors(0).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, err_msg=name)
    assert detox("merge", plain, turned, "-o", tmp_path / "other", "--tokenizer", turned).code == 0
    found = load_file(tmp_path / "other" / "model.safetensors")
    for name in TABLES:
        np.testing.assert_allclose(found[name], tensors(0)[name][order], rtol=1e-6)


def test_a_union_has_every_token_and_a_model_that_lacks_one_has_no_say(
    detox: Detox, plain: Path, tmp_path: Path
) -> None:
    more = with_tokens(tmp_path / "more", 1, ["<unk>", "new", *PLAIN[1:]], [0, 5, *range(1, WORDS)])
    refused = detox("merge", plain, more, "-o", tmp_path / "out")
    assert refused.code == 3 and "--tokenizer" in refused.err
    outcome = detox("merge", plain, more, "-o", tmp_path / "out", "--tokenizer", "union", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["tokens"] == WORDS + 1
    found = load_file(tmp_path / "out" / "model.safetensors")
    for name in TABLES:
        mean = (tensors(0)[name] + tensors(1)[name]) / 2
        np.testing.assert_allclose(found[name][:WORDS], mean, rtol=1e-6)
        np.testing.assert_allclose(found[name][WORDS], tensors(1)[name][5], rtol=1e-6)
    tokenizer = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert tokenizer.encode("word3 new word4").ids == [3, WORDS, 4]
    assert json.loads((tmp_path / "out" / "config.json").read_text())["vocab_size"] == WORDS + 1


def test_a_token_that_a_model_lacks_has_the_row_of_the_base(detox: Detox, tmp_path: Path) -> None:
    base = with_tokens(tmp_path / "base", -1, PLAIN, list(range(WORDS)))
    short = with_tokens(tmp_path / "short", 0, PLAIN[:-2], list(range(WORDS - 2)))
    words = ("merge", short, "--base", base, "--method", "task_arithmetic", "--tokenizer", "base")
    assert detox(*words, "-o", tmp_path / "out").code == 0
    found = load_file(tmp_path / "out" / "model.safetensors")
    for name in TABLES:
        np.testing.assert_array_equal(found[name][: WORDS - 2], tensors(0)[name][: WORDS - 2])
        np.testing.assert_array_equal(found[name][WORDS - 2 :], tensors(-1)[name][WORDS - 2 :])


def test_other_names_for_the_same_tensors(detox: Detox, tiny_gpt2: Path, tmp_path: Path) -> None:
    weights = load_file(tiny_gpt2 / "model.safetensors")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "config.json").write_bytes((tiny_gpt2 / "config.json").read_bytes())
    named = {name.removeprefix("transformer."): value for name, value in weights.items()}
    save_file(named | {"lm_head.weight": named["wte.weight"].copy()}, bare / "model.safetensors")
    for one, other in ((tiny_gpt2, bare), (bare, tiny_gpt2)):
        out = tmp_path / f"of-{one.name}"
        outcome = detox("merge", one, other, "-o", out)
        assert outcome.code == 0, outcome.err
        found = load_file(out / "model.safetensors")
        assert set(found) == set(load_file(one / "model.safetensors"))
        for name, value in found.items():
            inner = "wte.weight" if name == "lm_head.weight" else name.removeprefix("transformer.")
            np.testing.assert_allclose(value, named[inner], rtol=1e-6)
