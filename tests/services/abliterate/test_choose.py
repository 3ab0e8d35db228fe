"""Choosing what to remove, without generating; what is chosen is then tried by generating."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from detox_cli.errors import BadData
from detox_cli.services.abliterate.choice.candidates import Candidate, Place
from detox_cli.services.abliterate.choice.choose import Choice, Choosing
from detox_cli.services.abliterate.choice.probes import divergence_without
from detox_cli.services.abliterate.choice.ranking import CandidateScores, Limits, cost, front
from detox_cli.services.abliterate.choice.start_tokens import learn_start_tokens, log_odds
from tests.services.abliterate.bench import Bench


def distribution(*shares: float) -> torch.Tensor:
    return torch.tensor(shares, dtype=torch.float64).log()


def test_start_tokens_are_those_that_tell_refusals_from_answers() -> None:
    refused = [distribution(0.6, 0.25, 0.1, 0.05), distribution(0.5, 0.35, 0.1, 0.05)]
    answered = [distribution(0.05, 0.25, 0.3, 0.4), distribution(0.01, 0.29, 0.3, 0.4)]
    found = learn_start_tokens(refused, answered)
    assert found.ids == (0,) and found.separation == 1
    assert found.odds[0] == pytest.approx(np.log(0.551 / 0.031))
    assert log_odds(refused[0], [0, 1]) == pytest.approx(np.log(0.85 / 0.15))
    alike = learn_start_tokens(answered, answered)
    assert len(alike.ids) == 1 and alike.separation == 0.5


def test_a_refusal_that_is_gone_is_no_damage_to_an_answer() -> None:
    base, without, damaged = (
        distribution(0.2, 0.5, 0.3),
        distribution(0.0, 0.625, 0.375),
        distribution(0.2, 0.3, 0.5),
    )
    assert divergence_without(base, without, [0]) == pytest.approx(0, abs=1e-12)
    expected = 0.625 * np.log(0.625 / 0.375) + 0.375 * np.log(0.375 / 0.625)
    assert divergence_without(base, damaged, [0]) == pytest.approx(expected)


def test_damage_decides_between_those_that_leave_no_refusals() -> None:
    def scores(name: str, kept: float, divergence: float, bypass: float = -5.0) -> CandidateScores:
        return CandidateScores(
            name=name, mode="zero", places=[(-1, 0)], n=32, bypass=bypass, kept=kept, kl_answer=divergence
        )

    mild, strong = scores("mild", 0.015, 0.05), scores("strong", 0.0, 0.12)
    timid, renamed = scores("timid", 0.6, 0.01), scores("renamed", 0.0, 0.02, bypass=1.0)
    as_mild = scores("fewer refusals, as mild", 0.005, 0.05001)
    order = sorted((renamed, strong, timid, mild, as_mild), key=lambda one: cost(one, Limits()))
    assert [one.name for one in order] == [as_mild.name, "mild", "strong", "renamed", "timid"]
    assert [one.name for one in front([strong, timid, mild, scores("worse", 0.7, 0.2)])] == [
        "strong",
        "mild",
        "timid",
    ]


def test_what_is_chosen_removes_refusals_and_leaves_answers(bench: Bench) -> None:
    choice = bench.choose(Choosing())
    sides = (bench.contrast.positive.test, bench.contrast.negative.test)
    assert (choice.chosen.mode, choice.position, choice.layer) == ("projected", -1, 0), choice.why
    none = replace(choice.removal, embedding=0.0, attention=np.zeros(4), mlp=np.zeros(4))
    before, harmless = (bench.refused(none, side) for side in sides)
    after, still_harmless = (bench.refused(choice.removal, side) for side in sides)
    assert before > 0.25 and after < before / 3, (before, after)
    assert still_harmless <= harmless + 0.02


def test_a_direction_whose_removal_makes_everything_refused_is_seen(bench: Bench) -> None:
    zeroed = Candidate("zero", (Place(-1, 0),))
    assert bench.refused(zeroed.removal(bench.measured), bench.contrast.negative.test) > 0.8
    strict = Choosing(modes=("zero",), limits=Limits(kl=0.05))
    with pytest.raises(BadData, match=r"none of 12 directions keeps to the limits; refusals left and div"):
        bench.choose(strict)
    anyway = bench.choose(replace(strict, anyway=True))
    assert "although it is beyond a limit" in anyway.why and not anyway.chosen.survives
    seen = next(one for one in anyway.candidates if one.name == zeroed.name)
    assert seen.verdict.startswith("divergence") and anyway.chosen != seen


def test_a_killed_choice_goes_on_and_more_directions_are_taken_if_they_help(
    bench: Bench, chosen: Choice
) -> None:
    notes: dict[str, dict] = {}

    def once(name, compute):
        if name not in notes:
            if len(notes) == 15 and not killed:
                killed.append(name)
                raise KeyboardInterrupt
            notes[name] = dict(compute())
        return notes[name]

    killed: list[str] = []
    how = Choosing(modes=("projected",), directions=2)
    with pytest.raises(KeyboardInterrupt):
        bench.choose(how, once=once)
    choice, straight = bench.choose(how, once=once), chosen
    assert choice.candidates == straight.candidates and killed
    assert np.array_equal(choice.removal.bases, straight.removal.bases)
    singles = [one for one in choice.candidates if one.survives and len(one.places) == 1]
    assert cost(choice.chosen, how.limits) <= min(cost(one, how.limits) for one in singles)
    assert choice.removal.bases.shape == (1, 192, len(choice.chosen.places))


def test_places_that_are_too_deep_are_told_and_not_tried(bench: Bench) -> None:
    choice = bench.choose(Choosing(modes=("projected",), limits=Limits(depth=0.5)))
    deep = [one for one in choice.candidates if one.places[0][1] > 0]
    assert len(deep) == 9 and all(one.n == 0 and one.verdict.startswith("depth") for one in deep)


def test_what_is_no_refusal_is_measured_in_what_the_model_writes(bench: Bench) -> None:
    shown = iter([0.4, 0.3, *[0.5] * 20])  # the base model, the first candidate, all others
    how = Choosing(modes=("zero",), limits=Limits(kl=9.0), anyway=True)
    choice = bench.choose(how, behaviour=lambda: next(shown))
    assert choice.chosen == choice.candidates[0] and choice.chosen.kept == pytest.approx(0.75)
    tried = [one for one in choice.candidates[1:] if one.n]
    assert len(tried) > 3 and {one.verdict for one in tried} <= {"leaves 125% of the behaviour"}


def test_places_where_the_sides_lie_close_together_are_told_and_tried_only_if_asked(bench: Bench) -> None:
    usual, everything = (
        bench.choose(Choosing(modes=("projected",), limits=Limits(separation=least))) for least in (0.5, 0.0)
    )
    separation = bench.measured.separation()
    far = separation / separation[:, :3].max() >= 0.5  # the last of four blocks is too deep
    for one in usual.candidates:
        position, layer = one.places[0]
        assert one.verdict.startswith("not tried") == (layer < 3 and not far[position, layer])
        assert (one.n == 0) == (layer == 3 or not far[position, layer])
    order = [separation[tuple(one.places[0])] for one in usual.candidates]
    assert order == sorted(order, reverse=True) and not far[:, :3].all()
    assert all(one.n > 0 for one in everything.candidates if one.places[0][1] < 3)
    assert everything.chosen == usual.chosen
