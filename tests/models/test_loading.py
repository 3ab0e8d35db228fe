"""A model loads whole and as what it is, or not at all."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from detox_cli.errors import BadSettings
from detox_cli.models.loading import (
    load_causal,
    load_classifier,
    load_encoder,
    load_seq2seq,
    load_tokenizer,
)
from detox_cli.models.sources import find_model


def found(folder):
    return find_model(str(folder))


def test_each_kind_loads_in_float32_and_evaluation_mode(tiny_causal, tiny_seq2seq, tiny_classifier):
    for load, folder in (
        (load_causal, tiny_causal),
        (load_seq2seq, tiny_seq2seq),
        (load_classifier, tiny_classifier),
    ):
        loaded = load(found(folder), device="cpu")
        assert loaded.model.dtype == torch.float32 and not loaded.model.training
        assert loaded.tokenizer("You").input_ids
    assert load_causal(found(tiny_causal), dtype="bfloat16").model.dtype == torch.bfloat16
    assert load_encoder(found(tiny_classifier)).model(torch.tensor([[5]])).last_hidden_state.shape == (
        1,
        1,
        32,
    )


def test_a_model_of_another_kind_is_refused(tiny_causal, tiny_seq2seq, tiny_classifier):
    with pytest.raises(BadSettings, match="BertForSequenceClassification, which cannot write text"):
        load_causal(found(tiny_classifier))
    with pytest.raises(BadSettings, match="is an encoder-decoder, wanted is a decoder-only model"):
        load_causal(found(tiny_seq2seq))
    with pytest.raises(BadSettings, match="wanted is an encoder-decoder"):
        load_seq2seq(found(tiny_causal))


def test_a_head_that_is_not_in_the_weights_is_not_made_up(tiny_causal):
    with pytest.raises(BadSettings, match=r"lacks weights .* such as score.weight"):
        load_classifier(found(tiny_causal))


def test_lost_weights_are_noticed(tiny_causal, tmp_path):
    copy = shutil.copytree(tiny_causal, tmp_path / "copy")
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadSettings, match="lacks weights"):
        load_causal(found(copy))


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors", "tokenizer.json"])
def test_damaged_files_are_one_line(tiny_causal, tmp_path, damage):
    copy = shutil.copytree(tiny_causal, tmp_path / "copy")
    content = (copy / damage).read_bytes()
    (copy / damage).write_bytes(content[: len(content) // 2])
    with pytest.raises(BadSettings, match="cannot be loaded") as caught:
        load_causal(found(copy))
    assert "\n" not in str(caught.value)


def test_unknown_devices_and_types_are_refused(tiny_causal):
    with pytest.raises(BadSettings, match="--device"):
        load_causal(found(tiny_causal), device="cuda:97")
    with pytest.raises(BadSettings, match="--dtype"):
        load_causal(found(tiny_causal), dtype="int3")


def test_a_tokenizer_is_saved_without_a_word_on_how_it_was_found(tiny_causal, tmp_path):
    load_tokenizer(found(tiny_causal)).save_pretrained(tmp_path)
    assert "local_files_only" not in json.loads((tmp_path / "tokenizer_config.json").read_text())
