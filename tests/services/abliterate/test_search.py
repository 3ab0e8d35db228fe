"""The search for strengths: it finds, it goes on where it was killed, and one bad trial costs one trial."""

from pathlib import Path

import numpy as np
import pytest

from detox_cli.errors import BadData, BadSettings, DetoxError
from detox_cli.runs.journal import Journal
from detox_cli.services.abliterate.choice.choose import Choice
from detox_cli.services.abliterate.choice.kernels import Kernel
from detox_cli.services.abliterate.choice.optimise import Pruned, optimise
from detox_cli.services.abliterate.choice.ranking import cost, cost_of
from detox_cli.services.abliterate.choice.search import Found, Searching, search

optuna = pytest.importorskip("optuna")
SPACE = {
    "x": optuna.distributions.FloatDistribution(0, 1),
    "kind": optuna.distributions.CategoricalDistribution(["a", "b"]),
}
FIRST = [{"x": 0.5, "kind": "a"}, {"x": 0.25, "kind": "b"}]


def objective(point, before):
    """A valley with its ground at x = .3, kind b; one stretch cannot be computed, another is given up."""
    if 0.6 < point["x"] < 0.7:
        raise ValueError("numbers went\nwrong")
    values = [(point["x"] - 0.3) ** 2, float(point["kind"] == "a")]
    if point["x"] > 0.9:
        raise Pruned(values, "too far")
    return values


@pytest.mark.parametrize("sampler", ["tpe", "nsga"])
def test_a_killed_search_goes_on_as_if_it_had_not_been(sampler, tmp_path: Path) -> None:
    straight = optimise(SPACE, FIRST, objective, 40, sampler=sampler)
    with Journal(tmp_path / "journal", "same") as journal:
        optimise(SPACE, FIRST, objective, 17, sampler=sampler, journal=journal)
    with (tmp_path / "journal").open("ab") as file:
        file.write(b'{"number": 17, "st')  # killed while it wrote
    with Journal(tmp_path / "journal", "same") as journal:
        resumed = optimise(SPACE, FIRST, objective, 40, sampler=sampler, journal=journal)
        assert len(journal) == 40
    assert resumed == straight
    assert [trial.params for trial in straight[:2]] == FIRST
    assert {trial.state for trial in straight} == {"complete", "pruned", "failed"}
    failed = next(trial for trial in straight if trial.state == "failed")
    assert failed.note == "ValueError: numbers went wrong" and not failed.values
    best = min((t for t in straight if t.state == "complete"), key=lambda t: sum(t.values))
    assert best.params["kind"] == "b" and abs(best.params["x"] - 0.3) < 0.05


def test_the_front_holds_what_nothing_beats() -> None:
    trials = optimise(SPACE, FIRST, objective, 25)
    front = Found(best=trials[0], trials=trials).front
    for one in front:
        worse = [t for t in trials if t.state == "complete" and t.values[0] < one.values[0]]
        assert all(t.values[1] > one.values[1] for t in worse)


def test_a_search_in_which_everything_fails_says_why() -> None:
    def never(point, before):
        raise ZeroDivisionError("nothing works")

    with pytest.raises(DetoxError, match="all 3 trials failed, the last with: ZeroDivision"):
        optimise(SPACE, [], never, 3)


def test_a_kernel_is_a_hill_over_the_layers() -> None:
    assert np.allclose(Kernel(1, 0.5, 1, 1).strengths(5), 1)
    assert np.allclose(Kernel(1.2, 0.5, 0.5, 0).strengths(5), [0, 0.6, 1.2, 0.6, 0])
    assert np.allclose(Kernel(1, 1, 0.5, 0.5).strengths(5), [0, 0, 0.5, 0.75, 1])
    assert not Kernel(-0.2, 0.5, 1, 1).strengths(5).any()


def test_strengths_are_searched_from_what_single_candidates_do(chosen: Choice, tmp_path: Path) -> None:
    journal, limits = tmp_path / "trials.jsonl", chosen.scorer.limits
    removal, found = search(chosen.scorer, chosen.candidates, Searching(trials=14), journal=journal)
    single = min((c for c in chosen.candidates if len(c.places) == 1 and c.n), key=lambda c: cost(c, limits))
    assert found.trials[0].params["mode"] == "projected" and found.trials[3].params["mlp_peak"] == 0
    assert found.trials[0].values == pytest.approx(single.tradeoff, abs=1e-5)
    assert cost_of(*found.best.values, limits) <= cost(single, limits) + 1e-5
    again, same = search(chosen.scorer, chosen.candidates, Searching(trials=14), journal=journal)
    assert same == found and np.array_equal(again.bases, removal.bases)
    with pytest.raises(BadSettings, match="an unfinished run with other settings"):
        search(chosen.scorer, chosen.candidates, Searching(trials=14, seed=1), journal=journal)


def test_a_search_whose_trials_are_all_given_up_says_so(chosen: Choice) -> None:
    with pytest.raises(BadData, match="none of 2 trials was completed"):
        search(chosen.scorer, chosen.candidates, Searching(trials=2, limit=-1.0))


def test_refusals_can_be_counted_by_really_answering(chosen: Choice) -> None:
    counted = iter([0.4, 0.1])
    how = Searching(trials=2, modes=("projected",))
    _, found = search(chosen.scorer, chosen.candidates, how, refusals=lambda: next(counted))
    assert [trial.values[0] for trial in found.trials] == [0.4, 0.1]
