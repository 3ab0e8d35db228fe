"""Chains as token ids: what is asked is what was learnt, and exactly the chain is learnt."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AutoTokenizer, T5Tokenizer

from detox_cli.data.chains.encode import IGNORED, ChainEncoder, question
from detox_cli.data.chains.parse import parse
from detox_cli.data.chains.serialise import serialise
from detox_cli.data.chains.template import bundled_templates, find_template
from detox_cli.errors import BadData, BadSettings
from detox_cli.generation.encoding import PromptReader
from detox_cli.generation.requests import Request
from tests.conftest import SENTENCES
from tests.data.chains.test_chain_texts import SAFE, TOXIC

DECODER = SimpleNamespace(is_encoder_decoder=False, max_position_embeddings=1024)
ENCODER_DECODER = SimpleNamespace(is_encoder_decoder=True)


@pytest.fixture(scope="session")
def gpt2_style(tiny_tokenizer: Path) -> Any:
    """Bytes, nothing put around a text."""
    from tokenizers import processors

    tokenizer = AutoTokenizer.from_pretrained(tiny_tokenizer)
    tokenizer.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


@pytest.fixture(scope="session")
def vocabulary(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Pieces that can write every template."""
    known = {piece for piece, _ in pieces}
    return [*pieces, *((c, -20.0) for c in sorted({*"#<>|\"{}:'*\n\\"} - known))]


@pytest.fixture(scope="session")
def llama_style(vocabulary: list[tuple[str, float]]) -> Any:
    """SentencePiece with a beginning-of-sequence token and a space put before every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    specials = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)]
    tokenizer = Tokenizer(models.Unigram([*specials, *vocabulary], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


@pytest.fixture(scope="session")
def t5_style(vocabulary: list[tuple[str, float]]) -> Any:
    """SentencePiece that ends every text."""
    specials = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return T5Tokenizer(vocab=[*specials, *vocabulary], extra_ids=0)


@pytest.fixture(params=["gpt2", "llama", "t5", "bos"])
def model(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """A tokenizer and the configuration of a model that has it."""
    if request.param == "bos":
        return AutoTokenizer.from_pretrained(request.getfixturevalue("tiny_tokenizer")), DECODER
    config = ENCODER_DECODER if request.param == "t5" else DECODER
    return request.getfixturevalue(f"{request.param}_style"), config


@pytest.mark.parametrize("name", bundled_templates())
def test_the_question_is_a_prefix_of_what_was_learnt_and_the_labels_are_the_rest(name: str, model) -> None:
    tokenizer, config = model
    template = find_template(name)
    if template.chat and config.is_encoder_decoder:
        pytest.skip("an encoder-decoder reads no conversation")
    chains = [serialise(record, template) for record in (TOXIC, SAFE)]
    encoder = ChainEncoder(tokenizer, config, template)
    encoded, left = encoder.encode(chains)
    assert [one.id for one in encoded] == ["a", "b"] and not left
    requests = [Request(c.id, question(template, template.ask(c.text)), seed=1) for c in chains]
    asked = PromptReader(tokenizer, config).read(requests)
    for one, prompt, chain in zip(encoded, asked, chains, strict=True):
        assert one.input_ids[: len(prompt.ids)] == prompt.ids
        assert one.prompt_length == len(prompt.ids)
        learnt = [label for label in one.labels if label != IGNORED]
        assert learnt[-1] == encoder.end
        assert parse(tokenizer.decode(learnt[:-1]), template).ok
        if config.is_encoder_decoder:
            assert one.input_ids == prompt.ids and IGNORED not in one.labels
        else:
            assert one.labels == (*[IGNORED] * len(prompt.ids), *one.input_ids[len(prompt.ids) :])
            assert one.input_ids.count(tokenizer.bos_token_id) <= 1 or tokenizer.bos_token_id is None
        answer = tokenizer.decode([token for token in one.labels[one.answer_start :] if token != encoder.end])
        wanted = (TOXIC if chain.id == "a" else SAFE).candidates[0].text
        assert wanted.split()[-1] in answer and "toxic" not in answer


def test_chains_that_do_not_fit(tiny_tokenizer: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_tokenizer)
    template = find_template("cmd-v3-code")
    chain = serialise(TOXIC.with_(id="long", text=" ".join(SENTENCES[:2]), spans=None), template)
    whole = ChainEncoder(tokenizer, DECODER, template).encode([chain])[0][0]
    limit = len(whole.input_ids) - 10
    assert ChainEncoder(tokenizer, DECODER, template, max_length=limit).encode([chain]) == (
        [],
        {"long": f"the chain of {limit + 10} tokens is longer than {limit}"},
    )
    cutting = ChainEncoder(tokenizer, DECODER, template, max_length=limit, over_length="truncate-prompt")
    (kept,), left = cutting.encode([chain])
    assert limit - 10 < len(kept.input_ids) <= limit and not left
    assert tokenizer.decode(kept.input_ids[1 : kept.prompt_length]).startswith("# Text: ")
    assert kept.labels[kept.prompt_length :] == whole.labels[whole.prompt_length :]
    tiny = ChainEncoder(tokenizer, DECODER, template, max_length=20, over_length="truncate-prompt")
    assert "even without its prompt" in tiny.encode([chain])[1]["long"]
    with pytest.raises(BadData, match="long: the chain of"):
        ChainEncoder(tokenizer, DECODER, template, max_length=limit, over_length="error").encode([chain])


def test_a_chain_needs_a_tokenizer_that_can_write_and_end_it(tiny_mt5: Path) -> None:
    with pytest.raises(BadSettings, match="cannot write '<MASK>', which chains of cmd-v3-code hold"):
        ChainEncoder(AutoTokenizer.from_pretrained(tiny_mt5), ENCODER_DECODER, find_template("cmd-v3-code"))
    nothing = SimpleNamespace(eos_token_id=None, chat_template=None)
    with pytest.raises(BadSettings, match="no token that ends a text"):
        ChainEncoder(nothing, DECODER, find_template("json"))
