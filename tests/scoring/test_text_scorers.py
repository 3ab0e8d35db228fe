import random

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from detox_cli.errors import BadSettings, Missing
from detox_cli.scoring.load import load_text_scorer
from tests.tiny_encoders import SENTENCES


def one_by_one(folder, texts):
    """Logits of each text alone, straight from transformers."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        rows = [model(**tokenizer(t, truncation=True, return_tensors="pt")).logits[0] for t in texts]
    return torch.stack(rows)


def test_probability_of_the_named_class_is_that_of_each_text_alone(toxic_model):
    scorer = load_text_scorer(f"hf:{toxic_model}#toxic")
    expected = one_by_one(toxic_model, SENTENCES).softmax(-1)[:, 1].tolist()
    assert max(expected) - min(expected) > 0.05, "the random model should tell these apart"
    assert scorer.score(SENTENCES) == pytest.approx(expected, abs=1e-5)
    assert scorer.meaning == "toxic"


@pytest.mark.parametrize("batch_tokens", [1, 40, 100_000])
def test_company_order_and_repetition_change_nothing(toxic_model, batch_tokens):
    scorer = load_text_scorer(f"hf:{toxic_model}#neutral", batch_tokens=batch_tokens)
    expected = dict(
        zip(SENTENCES, load_text_scorer(f"hf:{toxic_model}#neutral").score(SENTENCES), strict=True)
    )
    shuffled = random.Random(0).sample(SENTENCES * 3, k=30)
    scores = scorer.score(shuffled)
    assert scores == pytest.approx([expected[text] for text in shuffled], abs=1e-5)
    for text in SENTENCES:
        assert len({score for score, t in zip(scores, shuffled, strict=True) if t == text}) == 1


def test_classes_sum_to_one_under_softmax(toxic_model):
    toxic = load_text_scorer(f"hf:{toxic_model}#toxic").score(SENTENCES)
    neutral = load_text_scorer(f"hf:{toxic_model}#neutral").score(SENTENCES)
    assert [a + b for a, b in zip(toxic, neutral, strict=True)] == pytest.approx([1.0] * len(SENTENCES))


def test_one_logit_is_a_sigmoid(one_logit_model):
    scorer = load_text_scorer(f"hf:{one_logit_model}")
    expected = one_by_one(one_logit_model, SENTENCES).sigmoid()[:, 0].tolist()
    assert scorer.score(SENTENCES) == pytest.approx(expected, abs=1e-5)
    assert "sigmoid" in scorer.identity


def test_a_class_is_found_by_alias_and_without_case(toxic_model):
    named = load_text_scorer(f"hf:{toxic_model}#toxic")
    for alias in ("Toxicity", "TOXIC", "toxic"):
        assert load_text_scorer(f"hf:{toxic_model}#{alias}").identity == named.identity
    assert load_text_scorer(f"hf:{toxic_model}#non-toxic").label == "neutral"


def test_a_scorer_without_a_class_takes_the_one_with_a_known_name(toxic_model, nameless_model):
    assert load_text_scorer(f"hf:{toxic_model}").label == "toxic"
    with pytest.raises(BadSettings, match=r"more than one class; it has LABEL_0, LABEL_1"):
        load_text_scorer(f"hf:{nameless_model}")


def test_the_user_says_what_a_nameless_class_means(nameless_model):
    scorer = load_text_scorer(f"hf:{nameless_model}#toxic=LABEL_1")
    assert (scorer.label, scorer.meaning) == ("LABEL_1", "toxic")
    assert load_text_scorer(f"hf:{nameless_model}#LABEL_1").meaning == "LABEL_1"


def test_an_unknown_class_lists_the_classes_there_are(toxic_model):
    with pytest.raises(BadSettings, match=r"no class 'insult'; it has neutral, toxic"):
        load_text_scorer(f"hf:{toxic_model}#insult")


def test_identity_follows_content_not_place(toxic_model, tmp_path, nameless_model):
    scorer = load_text_scorer(f"hf:{toxic_model}#toxic")
    copy = tmp_path / toxic_model.name
    copy.mkdir()
    for file in toxic_model.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert load_text_scorer(f"hf:{copy}#toxic").identity == scorer.identity
    assert load_text_scorer(f"hf:{toxic_model}#neutral").identity != scorer.identity
    assert str(toxic_model.parent) not in scorer.identity


def test_what_is_cut_is_counted(toxic_model):
    scorer = load_text_scorer(f"hf:{toxic_model}#toxic")
    long = " ".join(SENTENCES)
    assert scorer.too_long([long, *SENTENCES, long]) == 2
    assert scorer.score([long])[0] == pytest.approx(
        one_by_one(toxic_model, [long]).softmax(-1)[0, 1].item(), abs=1e-5
    )


def test_roberta_is_cut_before_its_positions_run_out(roberta):
    scorer = load_text_scorer(f"hf:{roberta}#toxic")
    assert 0 < scorer.score([" ".join(SENTENCES * 2)])[0] < 1
    assert "max_tokens=63" in scorer.identity


def test_no_texts_no_scores(toxic_model):
    assert load_text_scorer(f"hf:{toxic_model}#toxic").score([]) == []


def test_a_batch_too_big_for_the_device_is_halved(toxic_model, monkeypatch):
    scorer = load_text_scorer(f"hf:{toxic_model}#toxic")
    expected, forward = scorer.score(SENTENCES), scorer.loaded.model.forward

    def small_memory(*args, **kwargs):
        if len(kwargs["input_ids"]) > 2:
            raise torch.OutOfMemoryError
        return forward(*args, **kwargs)

    monkeypatch.setattr(scorer.loaded.model, "forward", small_memory)
    assert scorer.score(SENTENCES) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("spec", "error", "said"),
    [
        ("toxicity", BadSettings, "unknown scorer 'toxicity'"),
        ("detoxfy:original", BadSettings, "unknown scorer 'detoxfy:original'"),
        ("hf:", BadSettings, "names nothing"),
        ("hf:#toxic", BadSettings, "names nothing"),
        ("hf:model#nice=LABEL_1", BadSettings, "no known meaning"),
        ("lexicon:/nowhere/words.txt", Missing, "no such word list"),
        ("builtin:lexicon#most", BadSettings, "any or share"),
        ("detoxify:orginal", Missing, "no Detoxify checkpoint 'orginal'"),
        ("hf:/nowhere/model", Missing, "/nowhere/model"),
    ],
)
def test_a_wrong_name_is_one_line_with_a_way_out(spec, error, said):
    with pytest.raises(error, match=said) as caught:
        load_text_scorer(spec)
    assert caught.value.hint and "\n" not in str(caught.value)
