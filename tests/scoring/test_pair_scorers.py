import json

import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from detox_cli.errors import BadSettings
from detox_cli.scoring.load import load_pair_scorer
from tests.tiny_encoders import SENTENCES, save_encoder

PAIRS = list(zip(SENTENCES, reversed(SENTENCES), strict=True))


def vectors(folder, pooling):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = {}
    for text in SENTENCES:
        with torch.no_grad():
            output = model(**tokenizer(text, return_tensors="pt"))
        states = output.last_hidden_state[0]
        rows[text] = {"mean": states.mean(0), "cls": states[0], "pooler": output.pooler_output[0]}[pooling]
    return rows


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_cosine_is_that_of_each_text_alone(encoder, pooling):
    alone = vectors(encoder, pooling)
    expected = [torch.cosine_similarity(alone[a], alone[b], dim=0).item() for a, b in PAIRS]
    scorer = load_pair_scorer(f"hf:{encoder}#{pooling}", batch_tokens=60)
    assert scorer.score(PAIRS) == pytest.approx(expected, abs=1e-5)
    assert pooling in scorer.identity


def test_a_copy_is_one_and_order_does_not_matter(encoder):
    scorer = load_pair_scorer(f"hf:{encoder}")
    assert scorer.score([(text, text) for text in SENTENCES]) == pytest.approx([1.0] * len(SENTENCES))
    there, back = scorer.score(PAIRS), scorer.score([(b, a) for a, b in PAIRS])
    assert there == pytest.approx(back)


@pytest.mark.parametrize(
    ("modes", "dense", "pooling"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, False, "mean"),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, False, "cls"),
        ({"pooling_mode_cls_token": True}, True, "pooler"),
    ],
)
def test_a_sentence_encoder_pools_as_its_folder_says(tmp_path, modes, dense, pooling):
    folder = save_encoder(tmp_path / "sentences")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32} | modes))
    if dense:
        (folder / "2_Dense").mkdir()
    assert load_pair_scorer(f"hf:{folder}").pooling == pooling


def test_a_one_logit_pair_head_is_the_sigmoid_of_its_regression(one_logit_model):
    tokenizer = AutoTokenizer.from_pretrained(one_logit_model)
    model = AutoModelForSequenceClassification.from_pretrained(one_logit_model).eval()
    with torch.no_grad():
        logits = [model(**tokenizer(a, b, return_tensors="pt")).logits[0, 0] for a, b in PAIRS]
    scorer = load_pair_scorer(f"hf:{one_logit_model}", batch_tokens=90)
    assert scorer.score(PAIRS) == pytest.approx([logit.sigmoid().item() for logit in logits], abs=1e-6)


def test_a_pair_head_of_several_classes_needs_a_name(toxic_model):
    with pytest.raises(BadSettings, match="several classes: neutral, toxic"):
        load_pair_scorer(f"hf:{toxic_model}")
    assert load_pair_scorer(f"hf:{toxic_model}#toxic").label == "toxic"


def test_a_pair_is_too_long_where_either_text_is(encoder):
    long = " ".join(SENTENCES)
    pairs = [("this", long), (long, "this"), ("this", "that"), ("this", long)]
    assert load_pair_scorer(f"hf:{encoder}").too_long(pairs) == 3


@pytest.mark.parametrize("spec", ["lexicon:words.txt", "detoxify:original", "builtin:lexicon"])
def test_scorers_of_texts_are_not_scorers_of_pairs(spec):
    with pytest.raises(BadSettings, match="does not score pairs"):
        load_pair_scorer(spec)


def test_an_unknown_pooling_names_the_known(encoder):
    with pytest.raises(BadSettings, match="unknown pooling 'max'"):
        load_pair_scorer(f"hf:{encoder}#max")
