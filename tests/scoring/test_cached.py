import random

import pytest

from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring import cached
from detox_cli.scoring.cached import score_with_cache


class Lengths:
    identity = "lengths"

    def __init__(self):
        self.asked = []

    def score(self, items):
        self.asked.append(list(items))
        return [float(len(item)) if isinstance(item, str) else float(sum(map(len, item))) for item in items]


TEXTS = [f"{'x' * (i % 7)}{i}" for i in range(60)]


@pytest.fixture
def cache(tmp_path):
    return ScoreCache(tmp_path / "scores.sqlite3")


def test_identical_items_are_scored_once_and_order_is_kept():
    scorer, items = Lengths(), ["bb", "a", "bb", "ccc", "a"]
    assert score_with_cache(scorer, items) == [2, 1, 2, 3, 1]
    assert sorted(item for chunk in scorer.asked for item in chunk) == ["a", "bb", "ccc"]


def test_what_is_known_is_not_computed_again(cache):
    first, second = Lengths(), Lengths()
    scores = score_with_cache(first, TEXTS, cache)
    assert score_with_cache(second, random.Random(0).sample(TEXTS, 60), cache)
    assert second.asked == []
    assert scores == [float(len(text)) for text in TEXTS]


def test_another_identity_shares_nothing(cache):
    score_with_cache(Lengths(), TEXTS, cache)
    other = Lengths()
    other.identity = "other lengths"
    score_with_cache(other, TEXTS, cache)
    assert other.asked


def test_pairs_that_join_to_the_same_text_are_two(cache):
    assert score_with_cache(Lengths(), [("a", "bc"), ("ab", "c"), ("", "a")], cache) == [3, 3, 1]
    asked_again = Lengths()
    score_with_cache(asked_again, [("a", "bc"), ("abc", "")], cache)
    assert asked_again.asked == [[("abc", "")]]


def test_a_stopped_run_goes_on_with_the_same_chunks(cache, monkeypatch):
    monkeypatch.setattr(cached, "CHUNK", 16)
    whole, broken, resumed = Lengths(), Lengths(), Lengths()
    expected = score_with_cache(whole, TEXTS)

    def stop(done):
        if done and len(broken.asked) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_with_cache(broken, TEXTS, cache, stop)
    assert score_with_cache(resumed, TEXTS, cache) == expected
    assert broken.asked + resumed.asked == whole.asked


def test_progress_counts_every_item(cache):
    counted = []
    score_with_cache(Lengths(), TEXTS + TEXTS[:5], cache, counted.append)
    assert sum(counted) == len(TEXTS) + 5
