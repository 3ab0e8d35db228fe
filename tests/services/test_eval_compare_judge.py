"""The judge of ``eval compare``: what is known to be true of a judge is what is reported of it."""

import random
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from detox_cli.generation.requests import Completion, Request, Sample, Sampling
from detox_cli.output.progress import Silent
from detox_cli.services.answering import answer
from detox_cli.services.eval_compare.contests import Contest, Contestant
from detox_cli.services.eval_compare.judge import Shown, consistency, judge, rule
from detox_cli.services.eval_compare.votes import side_by_side

QUESTION = re.compile(r"Text: (.*)\n\nRewrite A: (.*)\n\nRewrite B: (.*)\n\nWhich")
ROWS = [Shown(f"source {i}", f"kind words {i}", f"words {i} with a scowl") for i in range(6)]


@dataclass
class Scripted:
    """An engine whose answers are a function of what it is shown: first rewrite, second one, attempt."""

    says: Callable[[str, str, int], str]
    asked: list[tuple[Request, Sampling]] = field(default_factory=list)
    identity: dict[str, str] = field(default_factory=lambda: {"engine": "scripted"})

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, done: Collection[str] = ()
    ) -> Iterator[Completion]:
        for request in requests:
            if request.id not in done:
                self.asked.append((request, sampling))
                _, first, second = QUESTION.match(request.prompt[1].text).groups()
                text = self.says(first, second, sum(r.prompt == request.prompt for r, _ in self.asked))
                yield Completion(request.id, request.seed, 1, (Sample(text, "stop", 1),))

    def ask(self, requests, sampling, label):
        return answer(self, requests, sampling, None, Silent(), label).completions


def held(engine: Scripted, rows=ROWS, retries=2):
    """What comes of a contest whose system wrote the first rewrite of each row."""
    said = judge(rows, engine.ask, retries, seed=0)
    rulings = [rule(shown, said) for shown in rows]
    ids = tuple(str(i) for i in range(len(rows)))
    units = tuple(shown.source for shown in rows)
    contest = Contest(Contestant("new", ids, units), Contestant("old", ids, units), ids)
    votes = side_by_side(contest, "judge", [ruling.vote for ruling in rulings], 0, 200)
    shares = (votes.win.mean, votes.tie.mean, votes.loss.mean, votes.unparsed.mean)
    assert sum(shares) == pytest.approx(1)
    return rulings, shares, votes, consistency(contest, rulings, 0, 200)


def likes_kindness(first, second, attempt):
    if ("kind" in first) == ("kind" in second):
        return "Tie"
    return "A" if "kind" in first else "B"


def test_a_judge_of_texts_is_heard_whatever_the_order():
    rulings, shares, votes, steady = held(Scripted(likes_kindness))
    assert shares == (1, 0, 0, 0) and votes.p == 2 / 2**6
    assert (steady.inconsistent.mean, steady.first_position.mean) == (0, 0.5)
    assert steady.by_chance == 0.5 and steady.doubt() is None
    assert [(r.straight.answer, r.swapped.answer) for r in rulings] == [("A", "B")] * 6
    _, shares, _, _ = held(Scripted(likes_kindness), [shown.swapped for shown in ROWS])
    assert shares == (0, 0, 1, 0)


@pytest.mark.parametrize(("always", "first"), [("A", 1.0), ("B", 0.0)])
def test_a_judge_of_positions_decides_nothing_and_is_found_out(always, first):
    _, shares, votes, steady = held(Scripted(lambda *_: always))
    assert shares == (0, 1, 0, 0) and votes.p == 1
    assert (steady.inconsistent.mean, steady.first_position.mean) == (1, first)
    assert steady.by_chance == 1 and "on 100% of the rows, 100% by chance" in steady.doubt()


def test_a_judge_who_tosses_a_coin_is_found_out_and_one_who_errs_now_and_then_is_not():
    rows = [Shown(f"source {i}", f"kind words {i}", f"words {i} with a scowl") for i in range(60)]
    coin = random.Random(4)
    *_, steady = held(Scripted(lambda *_: coin.choice(("A", "B", "Tie"))), rows)
    assert steady.by_chance == pytest.approx(2 / 3, abs=0.03) and "do not use its votes" in steady.doubt()
    *_, steady = held(
        Scripted(lambda a, b, n: "A" if coin.random() < 0.25 else likes_kindness(a, b, n)), rows
    )
    assert 0.1 < steady.inconsistent.mean < 0.4 and steady.doubt() is None


def test_ties_in_both_orders_are_steady_and_a_tie_in_one_is_not():
    _, shares, _, steady = held(Scripted(lambda *_: "Tie"))
    assert shares == (0, 1, 0, 0) and steady.inconsistent.mean == 0 and steady.first_position is None
    assert steady.by_chance == 0 and steady.doubt().endswith("the judge named no side at all")
    _, shares, _, steady = held(Scripted(lambda first, *_: "A" if "kind" in first else "Tie"))
    assert shares == (0, 1, 0, 0) and steady.inconsistent.mean == 1


def test_an_unreadable_answer_is_asked_for_again_with_another_seed_and_temperature():
    engine = Scripted(lambda a, b, attempt: likes_kindness(a, b, attempt) if attempt > 1 else "Hm, A or B?")
    _, shares, _, steady = held(engine)
    assert shares == (1, 0, 0, 0) and (steady.asked_again, steady.unparsed) == (12, 0)
    (first, greedy), (again, drawn) = engine.asked[0], engine.asked[12]
    assert first.prompt == again.prompt and first.seed != again.seed
    assert greedy.temperature == 0 < drawn.temperature
    _, shares, _, steady = held(Scripted(engine.says), retries=0)
    assert shares == (0, 0, 0, 1) and steady.unparsed == 12


def test_a_judge_who_never_answers_is_asked_so_often_and_no_row_is_dropped():
    engine = Scripted(lambda *_: "I would rather not say which of these is better.")
    rulings, shares, votes, steady = held(engine, retries=3)
    assert len(engine.asked) == 12 * 4 and shares == (0, 0, 0, 1)
    assert votes.rows == votes.win.n == 6 and votes.p == 1
    assert steady.inconsistent is None and steady.first_position is None and steady.by_chance is None
    assert "answered 0 of 12 questions" in steady.doubt()
    assert rulings[0].straight.attempts == 4 and rulings[0].straight.text.startswith("I would")


def test_one_readable_order_is_no_vote():
    _, shares, _, steady = held(Scripted(lambda first, *_: "A" if "kind" in first else "?"), retries=0)
    assert shares == (0, 0, 0, 1) and steady.unparsed == 6 and steady.inconsistent is None
    assert "no row was answered in both orders" in steady.doubt()


def test_what_is_the_same_is_not_asked_twice_or_not_at_all():
    engine = Scripted(likes_kindness)
    same = Shown("source 9", "a  text", "a text")
    rulings, shares, votes, steady = held(engine, [ROWS[0], ROWS[0], same, ROWS[1]])
    assert len(engine.asked) == 4 and steady.identical == 1
    assert shares == (0.75, 0.25, 0, 0) and rulings[2].answers == []
    assert votes.rows == 4 and votes.win.n == 3, "rows of one source are one piece of evidence"


def test_a_question_that_the_model_cannot_take_counts_as_unparsed_and_is_not_repeated():
    engine = Scripted(likes_kindness)
    requests = []

    def ask(asked, sampling, label):
        requests.extend(asked)
        return engine.ask([r for r in asked if "source 3" not in r.prompt[1].text], sampling, label)

    said = judge(ROWS, ask, 2, seed=0)
    assert [rule(shown, said).vote for shown in ROWS].count("unparsed") == 1
    assert len(requests) == 12
