"""The model card: the Hub can read it, and every figure has its n and interval."""

from huggingface_hub import ModelCard

from detox_cli.runs.card import Card, Figure, card_text, write_card

CARD = Card(
    name="small-rewriter",
    summary="Rewrites rude sentences: politely.",
    licence="apache-2.0",
    base_models=["facebook/bart-large"],
    datasets=["s-nlp/paradetox", "our own pairs"],
    languages=["en"],
    tags=["detoxification"],
    task="text2text-generation",
    figures=[Figure("J (mean of products)", 0.4321, 0.40, 0.46, 1200, "ParaDetox, held out")],
    training={"seed": 3, "learning_rate": 5e-5},
    limits=["English only."],
    command="detox train bart --profile paradetox-bart-large",
)


def test_the_hub_reads_the_front_matter(tmp_path):
    data = ModelCard.load(write_card(tmp_path, CARD)).data
    assert (data.license, data.base_model, data.language) == ("apache-2.0", ["facebook/bart-large"], ["en"])
    assert data.datasets == ["s-nlp/paradetox"]
    assert (data.pipeline_tag, data.library_name, data.tags) == (
        "text2text-generation",
        "transformers",
        ["detoxification"],
    )
    (result,) = data.eval_results
    assert (result.metric_type, result.metric_value) == ("J (mean of products)", 0.4321)
    assert result.dataset_name == "ParaDetox, held out"


def test_a_person_reads_figures_with_interval_and_n():
    text = card_text(CARD)
    assert "| J (mean of products) | ParaDetox, held out | 0.432 | 0.400–0.460 | 1200 |" in text
    assert "- English only." in text
    assert "detox train bart --profile paradetox-bart-large" in text


def test_unknown_things_are_left_out(tmp_path):
    data = ModelCard.load(write_card(tmp_path, Card("m", "A model."))).data
    assert (data.license, data.base_model, data.eval_results) == (None, None, None)
    assert "##" not in card_text(Card("m", "A model."))
