"""The bundled toxicity, similarity and fluency models: what they weigh, how they load, what they can tell."""

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from detoxify import Detoxify

import detox_cli.miniatures
from detox_cli.errors import BadData
from detox_cli.miniatures.detoxify import write_checkpoint
from detox_cli.miniatures.training import corpora
from detox_cli.miniatures.training.corruptions import CORRUPTIONS, Language, split_words
from detox_cli.miniatures.training.multilingual_corpora import labelled_comments
from detox_cli.miniatures.training.scores import cosines, probabilities
from detox_cli.scoring.languages import languages_of
from detox_cli.statistics.ranking import auroc, spearman

FOLDERS = Path(detox_cli.miniatures.__file__).parent
TOXICITY, SIMILARITY, FLUENCY = (FOLDERS / name for name in ("toxicity", "similarity", "fluency"))
MULTILINGUAL = FOLDERS / "toxicity-multilingual"
CALM = [
    "Thank you for the kind help.",
    "The garden was quiet in the morning.",
    "I do not agree with this edit.",
]
ANGRY = ["You are a stupid idiot.", "what a pathetic loser , shut up", "these morons are disgusting scum"]


@pytest.mark.parametrize(
    ("folder", "limit"), [(TOXICITY, 5.5), (MULTILINGUAL, 8.0), (SIMILARITY, 3.0), (FLUENCY, 3.5)]
)
def test_a_folder_is_small_and_complete(folder: Path, limit: float) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < limit * 1e6
    wanted = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"}
    assert wanted <= {path.name for path in files}


def test_insults_are_toxic_and_calm_sentences_are_not() -> None:
    assert min(probabilities(TOXICITY, ANGRY, "toxicity")) > 0.5
    assert max(probabilities(TOXICITY, CALM, "toxicity")) < 0.2


@pytest.mark.parametrize(
    ("calm", "angry"),
    [
        ("Der Garten war am Morgen sehr still.", "Du bist ein dummer Idiot, halt die Klappe."),
        ("O jardim estava calmo de manhã.", "Você é um idiota, cala a boca."),
        ("Сегодня утром в саду было тихо.", "Ты тупой идиот, заткнись."),
        ("The garden was quiet in the morning.", "You are a stupid idiot."),
    ],
)
def test_insults_in_other_languages_are_more_toxic_than_calm_sentences(calm: str, angry: str) -> None:
    low, high = probabilities(MULTILINGUAL, [calm, angry], "toxicity")
    assert low < 0.3 < 0.6 < high


def test_the_multilingual_model_claims_no_language_without_evidence() -> None:
    figures = json.loads((MULTILINGUAL / "figures.json").read_text())
    rated = {name.split()[2].strip(",:"): one for name, one in figures.items() if name.startswith("RTP-LX")}
    assert len(rated) == 17
    shown = {lang for lang, one in rated.items() if one["mean"] >= 0.6 and one["low"] > 0.5}
    assert languages_of("builtin:toxicity-multilingual") == shown
    assert {"de", "en", "pt", "ko"} <= shown < set(rated), "and it does not claim all"


def test_detoxify_itself_loads_the_model_and_gives_equal_scores(tmp_path: Path) -> None:
    write_checkpoint(TOXICITY, tmp_path / "toxicity.ckpt")
    loaded = torch.load(tmp_path / "toxicity.ckpt", weights_only=True)
    assert loaded["config"]["dataset"]["args"]["classes"] == ["toxicity"]
    judge = Detoxify(checkpoint=str(tmp_path / "toxicity.ckpt"), huggingface_config_path=str(TOXICITY))
    theirs = judge.predict(CALM + ANGRY)["toxicity"]
    assert theirs == pytest.approx(probabilities(TOXICITY, CALM + ANGRY, "toxicity"), abs=1e-5)


def test_exclusive_labels_are_not_written_as_a_detoxify_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="exclude each other"):
        write_checkpoint(FLUENCY, tmp_path / "fluency.ckpt")
    assert not (tmp_path / "fluency.ckpt").exists()


def test_a_copy_has_cosine_one_and_an_unrelated_sentence_a_low_one() -> None:
    same, unrelated = cosines(SIMILARITY, [(CALM[0], CALM[0]), (CALM[0], CALM[1])])
    assert same == pytest.approx(1, abs=1e-5)
    assert unrelated < 0.4


def test_a_lost_insult_costs_less_than_lost_content() -> None:
    source = "this stupid article about the new bridge is wrong"
    polite, empty = "this article about the new bridge is wrong", "this stupid thing is wrong"
    kept, lost = cosines(SIMILARITY, [(source, polite), (source, empty)])
    assert kept > 0.85
    assert lost < kept - 0.2


def test_broken_sentences_are_unacceptable_and_informal_ones_are_not() -> None:
    fine = ["i think you should read the article again .", "We went home because it was late."]
    broken = ["the the of house on and is by", "think i article should again the read you"]
    assert min(probabilities(FLUENCY, fine, "acceptable")) > 0.5
    assert max(probabilities(FLUENCY, broken, "acceptable")) < 0.3


@pytest.mark.parametrize("lang", ["ko", "pt", "zh"])
def test_held_out_comments_in_other_languages_are_ranked_as_people_do(shared_data: Path, lang: str) -> None:
    held = corpora.held_out_side(labelled_comments(shared_data, lang), lambda item: item.text)
    scores = probabilities(MULTILINGUAL, [item.text for item in held], "toxicity")
    assert auroc(scores, [item.toxic > 0.5 for item in held]).mean > 0.75


def test_toxicity_ranks_held_out_comments_as_people_do(shared_data: Path) -> None:
    held = corpora.held_out_side(corpora.jigsaw_comments(shared_data, "train"), lambda item: item.text)
    scores = probabilities(TOXICITY, [item.text[:1500] for item in held], "toxicity")
    assert auroc(scores, [item.toxic > 0.5 for item in held]).mean >= 0.93


def test_toxicity_ranks_modern_posts_it_never_trained_on(shared_data: Path) -> None:
    rows = list(corpora.read_table(shared_data / "hate/surge_toxicity_en.csv"))
    scores = probabilities(TOXICITY, [row["text"] for row in rows], "toxicity")
    assert auroc(scores, [row["is_toxic"] == "Toxic" for row in rows]).mean >= 0.85


def test_toxicity_tells_toxic_sentences_from_their_rewrites(shared_data: Path) -> None:
    held = corpora.held_out_side(corpora.paradetox(shared_data), lambda pair: pair.toxic)
    toxic = probabilities(TOXICITY, [pair.toxic for pair in held], "toxicity")
    neutral = probabilities(TOXICITY, [pair.neutrals[0] for pair in held], "toxicity")
    assert auroc(toxic + neutral, [True] * len(toxic) + [False] * len(neutral)).mean >= 0.85
    assert sum(score > 0.5 for score in neutral) < 0.1 * len(neutral)
    prose = corpora.sample(corpora.prose(shared_data, "valid"), 500, 0)
    assert sum(score > 0.5 for score in probabilities(TOXICITY, prose, "toxicity")) <= 0.02 * len(prose)


def test_the_stated_agreement_with_human_content_scores_is_what_is_measured(shared_data: Path) -> None:
    rows = list(corpora.read_lines(shared_data / "unlicensed/textdetox2024_human_eval.jsonl"))
    english = [row for row in rows if row["lang"] == "en"]
    pairs = [(str(row["toxic_sentence"]), str(row["neutral_sentence"])) for row in english]
    human = [float(str(row["content_score"])) for row in english]
    stated = json.loads((SIMILARITY / "figures.json").read_text())["human content score: Spearman"]
    assert spearman(cosines(SIMILARITY, pairs), human).mean == pytest.approx(stated["mean"], abs=0.01)


def test_similarity_finds_the_rewrite_among_others(shared_data: Path) -> None:
    held = corpora.held_out_side(corpora.paradetox(shared_data), lambda pair: pair.toxic)
    own = cosines(SIMILARITY, [(pair.toxic, pair.neutrals[0]) for pair in held])
    other = cosines(SIMILARITY, [(a.toxic, b.neutrals[0]) for a, b in pairwise(held)])
    assert auroc(own + other, [True] * len(own) + [False] * len(other)).mean >= 0.98


def test_fluency_tells_real_sentences_from_broken_ones(shared_data: Path) -> None:
    held = corpora.held_out_side(corpora.paradetox(shared_data), lambda pair: pair.toxic)
    words = [split_words(pair.neutrals[0]) for pair in held]
    language = Language.of(words, corpora.profanity(shared_data))
    rng = random.Random(0)
    real = probabilities(FLUENCY, [" ".join(sentence) for sentence in words], "acceptable")
    assert sum(score > 0.5 for score in real) > 0.75 * len(real)
    for kind, least in (("words shuffled", 0.85), ("word salad", 0.8), ("neighbours swapped", 0.75)):
        broken = [made[0] for w in words if (made := CORRUPTIONS[kind](w, rng, language)) and made[0] != w]
        low = probabilities(FLUENCY, [" ".join(sentence) for sentence in broken], "acceptable")
        assert auroc(real + low, [True] * len(real) + [False] * len(low)).mean >= least, kind
