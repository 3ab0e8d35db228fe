"""Tiny models of families that decode differently, and the plain loop that every engine must equal."""

from pathlib import Path

import pytest
import torch

from detox_cli.generation.load import load_engine
from detox_cli.models.sources import find_model
from tests.conftest import SIZE, _model

PROMPTS = (
    "The weather is lovely today and",
    "Please read",
    "That was a silly and useless comment, you know nothing about it. Rewrite the sentence so that it",
    "I cannot",
    "Here is what I would say instead: thank you. Take your time, and read the second page",
    "You",
)
PREFIX = "Rewrite the sentence so that it keeps its meaning and stays polite. "


@pytest.fixture(scope="session")
def tiny_sliding(tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Mistral that looks back no more than 8 tokens."""
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        sliding_window=8,
        **SIZE,
    )
    return _model(MistralForCausalLM, config, tiny_tokenizer, tmp_path_factory.mktemp("mistral"))


@pytest.fixture(scope="session")
def tiny_bloom(tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Bloom, whose positions are slopes on the attention scores."""
    from transformers import BloomConfig, BloomForCausalLM

    config = BloomConfig(hidden_size=32, n_layer=2, n_head=4, **SIZE)
    return _model(BloomForCausalLM, config, tiny_tokenizer, tmp_path_factory.mktemp("bloom"))


@pytest.fixture(scope="session")
def tiny_mamba(tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random Mamba, which has states instead of keys and values."""
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(hidden_size=32, num_hidden_layers=2, state_size=4, **SIZE)
    return _model(MambaForCausalLM, config, tiny_tokenizer, tmp_path_factory.mktemp("mamba"))


def engine_of(folder: Path, **options):
    return load_engine(find_model(str(folder)), device="cpu", **options)


@torch.inference_mode()
def greedy_alone(engine, text: str, new_tokens: int) -> list[int]:
    """What ``model.generate`` writes for one prompt by itself, the start of the answer cut off."""
    batch = engine.tokenizer(text, return_tensors="pt")
    written = engine.model.generate(
        batch.input_ids,
        attention_mask=batch.attention_mask,
        do_sample=False,
        max_new_tokens=new_tokens,
        pad_token_id=1,
    )[0]
    return written[1 if engine.encoder_decoder else batch.input_ids.shape[1] :].tolist()
