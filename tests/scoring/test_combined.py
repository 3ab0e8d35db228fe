"""Ensembles: what they say, and that a text is scored once whoever asks."""

import math

import numpy as np
import pytest

from detox_cli.errors import BadData, BadSettings
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring.cached import score_with_cache
from detox_cli.scoring.combined import ensemble, threshold_of
from detox_cli.scoring.identity import scorer_content
from detox_cli.scoring.languages import ENGLISH, languages_of
from detox_cli.scoring.load import load_text_scorer, load_text_scorers
from tests.tiny_encoders import SENTENCES

TEXTS = ("a", "b", "c")


class Said:
    """Gives the scores that it is told to."""

    def __init__(self, name, scores, meaning="toxic", threshold=None):
        self.identity, self.meaning, self.scores = name, meaning, dict(zip(TEXTS, scores, strict=True))
        self.asked = []
        if threshold is not None:
            self.threshold = threshold

    def score(self, texts):
        self.asked += texts
        return [self.scores[text] for text in texts]

    def too_long(self, texts):
        return sum(text == "c" for text in texts)


def members():
    return [
        Said("one", [0.1, 0.5, 0.9]),
        Said("two", [0.9, 0.6, 0.2], meaning="neutral"),
        Said("three", [0.0, 0.0, 0.3], threshold=0.3),
    ]


@pytest.mark.parametrize(
    ("way", "expected"),
    [("mean", [0.2 / 3, 0.3, 2.0 / 3]), ("max", [0.1, 0.5, 0.9]), ("vote", [0.0, 1 / 3, 1.0])],
)
def test_members_are_turned_to_toxic_and_joined(way, expected):
    one = ensemble(way, members())
    assert one.score(TEXTS) == pytest.approx(expected) and one.meaning == "toxic"
    assert one.too_long(TEXTS) == 1 and threshold_of(one) == 0.5


def test_a_text_is_scored_once_for_a_member_and_every_ensemble_with_it(tmp_path):
    cache, parts = ScoreCache(tmp_path / "scores.sqlite3"), members()
    alone = score_with_cache(parts[0], TEXTS, cache)
    counted = []
    for way in ("mean", "max", "mean"):
        found = score_with_cache(ensemble(way, parts), TEXTS, cache, counted.append)
        assert found == ensemble(way, members()).score(TEXTS)
    assert alone == [0.1, 0.5, 0.9] and [len(part.asked) for part in parts] == [3, 3, 3]
    assert sum(counted) == 9


def test_a_text_without_a_score_is_an_error_or_stays_one_and_is_asked_again(tmp_path):
    cache, broken = ScoreCache(tmp_path / "scores.sqlite3"), Said("broken", [0.5, math.nan, 0.5])
    for scorer in (broken, ensemble("vote", [broken, members()[0]])):
        with pytest.raises(BadData, match="broken gives no score to 1 of 3 texts"):
            score_with_cache(scorer, TEXTS, cache)
        found = score_with_cache(scorer, TEXTS, cache, keep_unscored=True)
        assert np.isnan(found).tolist() == [False, True, False]
    assert broken.asked.count("b") == 4 and broken.asked.count("a") == 1


def test_classes_that_mean_something_else_are_not_joined():
    with pytest.raises(BadSettings, match="classes 'toxic' and 'LABEL_1'"):
        ensemble("mean", [*members(), Said("four", [0, 0, 0], meaning="LABEL_1")])


def test_an_ensemble_is_named_by_its_members(toxic_model):
    name = f"mean:hf:{toxic_model}#neutral, builtin:lexicon"
    scorer = load_text_scorer(name)
    neutral, listed = (load_text_scorer(one) for one in (f"hf:{toxic_model}#neutral", "builtin:lexicon"))
    expected = (1 - np.array(neutral.score(SENTENCES)) + np.array(listed.score(SENTENCES))) / 2
    assert scorer.score(SENTENCES) == pytest.approx(expected.tolist())
    assert neutral.identity in scorer.identity and listed.identity in scorer.identity
    assert languages_of("max:builtin:toxicity,lexicon:words.txt") == ENGLISH
    assert scorer_content("mean:builtin:toxicity,builtin:lexicon")[0] == "mean"
    assert scorer_content("builtin:toxicity")[1] in scorer_content("mean:builtin:toxicity,builtin:lexicon")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mean:builtin:toxicity", "two or more different"),
        ("mean:builtin:lexicon,builtin:lexicon", "two or more different"),
        ("mean:builtin:lexicon,", "unknown scorer ''"),
        ("vote:max:builtin:lexicon,builtin:toxicity", "holds another one"),
    ],
)
def test_a_wrong_ensemble_is_one_line_with_a_way_out(name, said):
    with pytest.raises(BadSettings, match=said) as caught:
        load_text_scorer(name)
    assert caught.value.hint


def test_several_scorers_are_loaded_by_their_names():
    assert list(load_text_scorers(["builtin:lexicon", "builtin:lexicon#share"])) == [
        "builtin:lexicon",
        "builtin:lexicon#share",
    ]
    with pytest.raises(BadSettings, match="named twice"):
        load_text_scorers(["builtin:lexicon", "builtin:lexicon"])
