import pytest

from detox_cli.scoring.languages import CLEF, ENGLISH, common, languages_of


@pytest.mark.parametrize(
    ("spec", "reads"),
    [
        ("builtin:toxicity", ENGLISH),
        ("builtin:lexicon#share", ENGLISH),
        ("hf:s-nlp/roberta_toxicity_classifier#neutral", ENGLISH),
        ("hf:textdetox/xlmr-large-toxicity-classifier#neutral", CLEF),
        ("hf:sentence-transformers/LaBSE#pooler", None),
        ("lexicon:words.txt", None),
    ],
)
def test_the_published_scorers_are_known_and_others_are_not_guessed(spec, reads):
    assert languages_of(spec) == reads


@pytest.mark.parametrize("card", ["language: de\n", "language:\n- de\n", "tags: [x]\nlanguage: [de]\n"])
def test_a_folder_says_it_in_its_card(tmp_path, card):
    (tmp_path / "README.md").write_text(f"---\n{card}licence: mit\n---\nlanguage: fr\n")
    assert languages_of(f"hf:{tmp_path}#toxic") == {"de"}
    (tmp_path / "README.md").write_text("language: de\n")
    assert languages_of(f"hf:{tmp_path}#toxic") is None


def test_scorers_read_together_what_each_of_them_reads():
    assert common(["builtin:toxicity", "hf:sentence-transformers/LaBSE"]) == ENGLISH
    assert common(["detoxify:multilingual", "hf:textdetox/xlmr-large-toxicity-classifier"]) == {
        "en",
        "es",
        "ru",
    }
    assert common(["lexicon:words.txt"]) is None
