"""The tiny models are what the other tests take them for."""

from pathlib import Path

import pytest


@pytest.mark.parametrize("fixture", ["tiny_causal", "tiny_gpt2"])
def test_causal_models_continue_a_chat(fixture: str, request: pytest.FixtureRequest) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder: Path = request.getfixturevalue(fixture)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "The weather"}], add_generation_prompt=True, return_tensors="pt"
    )["input_ids"]
    assert ids[0].tolist().count(tokenizer.bos_token_id) == 1
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.generate(ids, max_new_tokens=3, do_sample=False).shape == (1, ids.shape[1] + 3)


@pytest.mark.parametrize("fixture", ["tiny_seq2seq", "tiny_t5"])
def test_seq2seq_models_generate(fixture: str, request: pytest.FixtureRequest) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder: Path = request.getfixturevalue(fixture)
    inputs = AutoTokenizer.from_pretrained(folder)(["The weather", "That"], padding=True, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    output = AutoModelForSeq2SeqLM.from_pretrained(folder).generate(**inputs, max_new_tokens=4)
    assert output.shape[0] == 2


def test_classifier_names_its_labels(tiny_classifier: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny_classifier)
    assert model.config.label2id == {"neutral": 0, "toxic": 1}


def test_tokenizer_returns_what_it_was_given(tiny_tokenizer: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_tokenizer)
    text = "Rewrite it — «please», 3 times!"
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text
