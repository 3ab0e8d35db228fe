"""``eval compare`` of runs of ``eval generation``: who is less toxic, at which perplexity, and how surely."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detox_cli.data.writing import write_rows
from detox_cli.errors import BadData, BadSettings
from detox_cli.services.eval_compare.run_plan import plan_runs
from detox_cli.services.eval_compare.run_result import RunCompareResult
from detox_cli.services.eval_compare.run_runs import run_runs
from detox_cli.services.eval_compare.runs import are_runs
from detox_cli.services.eval_generation.run import run as evaluate
from detox_cli.settings.compare import EvalCompareSettings
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.statistics.paired import permutation_p
from tests.conftest import Outcome
from tests.recorder import Recorder

PROMPTS = 12
TOXICITY = "builtin:lexicon/probability@2"


def continuations(
    path: Path, rude: Callable[[int], bool], prompts: int = PROMPTS, backwards: bool = False
) -> str:
    """Two continuations of each prompt, one of them rude where ``rude`` says so."""
    rows = [
        {
            "id": f"p{n}",
            "prompt": f"Prompt number {n} is",
            "samples": [
                {"text": " you are an idiot" if rude(n) else f" a fine day, the {n}th"},
                {"text": " good"},
            ],
        }
        for n in range(prompts)
    ]
    write_rows(path, rows[::-1] if backwards else rows)
    return str(path)


def measure(source: str, output: Path, judge: str | None = "builtin:lm", **changes: object) -> Path:
    given = {
        "scorers": ("builtin:lexicon", "builtin:toxicity"),
        "judge": judge,
        "device": "cpu",
        "resamples": 50,
    }
    evaluate(EvalGenerationSettings(from_file=source, output=output, **(given | changes)), Recorder())
    return output


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A system that is rude after every prompt, one after every fourth, and one that never is."""
    folder = tmp_path_factory.mktemp("runs")
    systems = {"rude": lambda n: True, "mild": lambda n: n % 4 == 0, "kind": lambda n: False}
    return {
        name: measure(
            continuations(folder / f"{name}.jsonl", rude, backwards=name == "kind"), folder / f"run-{name}"
        )
        for name, rude in systems.items()
    }


def compare(*files: object, progress: Recorder | None = None, **settings: object) -> RunCompareResult:
    given = {"files": tuple(map(str, files)), "resamples": 50} | settings
    return run_runs(EvalCompareSettings(**given), progress or Recorder())


def test_systems_are_compared_prompt_by_prompt(runs: dict[str, Path]) -> None:
    result = compare(f"rude={runs['rude']}", f"mild={runs['mild']}", f"kind={runs['kind']}")
    found = {(one.system, one.figure): one for one in result.differences}
    one = found["mild", TOXICITY]
    assert (one.against, one.mean, one.mean_against) == ("rude", 0.25, 1.0)
    assert one.difference.mean == pytest.approx(-0.75) and one.relative == pytest.approx(-0.75)
    gaps = np.array([0.0 if n % 4 == 0 else -1.0 for n in range(PROMPTS)])
    assert one.p == permutation_p(gaps) and one.effect == pytest.approx(gaps.mean() / gaps.std(ddof=1))
    assert one.better == pytest.approx((9 + 3 / 2) / 12) and one.p_holm >= one.p
    assert found["kind", TOXICITY].effect is None, "every prompt differs by the same"
    assert found["kind", "perplexity"].difference.n == PROMPTS
    assert [(row.system, row.samples, row.prompts) for row in result.systems] == [
        (name, 2 * PROMPTS, PROMPTS) for name in ("rude", "mild", "kind")
    ]


def test_the_front_and_the_order_that_scorers_agree_on(runs: dict[str, Path]) -> None:
    result = compare(f"rude={runs['rude']}", f"mild={runs['mild']}", f"kind={runs['kind']}")
    assert [front.figure for front in result.fronts] == [TOXICITY, "builtin:toxicity/probability@2"]
    for front in result.fronts:
        points = {one.system: (one.toxicity.mean, one.perplexity.mean) for one in front.systems}
        for one in front.systems:
            assert one.dominated_by == [
                other
                for other, place in points.items()
                if place != points[one.system] and np.less_equal(place, points[one.system]).all()
            ]
    assert [(one.less_toxic, one.more_toxic, one.scorers, one.of) for one in result.order] == [
        ("kind", "mild", 2, 2),
        ("kind", "rude", 2, 2),
        ("mild", "rude", 2, 2),
    ]
    assert result.order[1].share == 1.0 and 0.5 < result.order[0].share <= 1.0


def test_the_same_system_in_another_order_differs_by_nothing(runs: dict[str, Path], tmp_path: Path) -> None:
    again = measure(
        continuations(tmp_path / "mild.jsonl", lambda n: n % 4 == 0, backwards=True), tmp_path / "again"
    )
    result = compare(f"a={runs['mild']}", f"b={again}")
    assert {(one.difference.mean, one.p, one.effect) for one in result.differences} == {(0.0, 1.0, 0.0)}
    assert all(not one.dominated_by for front in result.fronts for one in front.systems)


def test_runs_that_differ_in_more_than_the_system_are_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    rude = lambda n: True  # noqa: E731
    file = continuations(tmp_path / "rude.jsonl", rude)
    fewer = continuations(tmp_path / "fewer.jsonl", rude, prompts=8)
    others = {
        "not measured by the same: toxicity builtin:toxicity": {"scorers": ("builtin:lexicon",)},
        "not measured by the same: judge": {"judge": None},
        "different k, 2 and 1": {"k": (1,)},
        "call toxic what has different scores": {"threshold": 0.2},
        "different prompts": {"source": fewer},
    }
    for number, (said, changes) in enumerate(others.items()):
        other = measure(str(changes.pop("source", file)), tmp_path / f"run{number}", **changes)
        with pytest.raises(BadSettings, match=said) as caught:
            compare(f"a={runs['rude']}", f"b={other}")
        assert caught.value.hint


def test_a_picture_and_a_folder_and_the_same_command_does_nothing(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    files = [f"{name}={folder}" for name, folder in runs.items()]
    pictures = [tmp_path / "one.svg", tmp_path / "two.svg", tmp_path / "front.png"]
    result = compare(*files, output=tmp_path / "out", picture=pictures[0])
    assert result.files == [tmp_path / "out", pictures[0]]
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    progress = Recorder()
    again = compare(*files, output=tmp_path / "out", picture=pictures[1], progress=progress)
    assert again.differences == result.differences and "finished already" in progress.warnings[-1]
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert pictures[0].read_bytes() == pictures[1].read_bytes() and b"kind" in pictures[0].read_bytes()
    compare(*files, picture=pictures[2])
    assert pictures[2].read_bytes().startswith(b"\x89PNG")


def test_without_a_judge_there_is_no_front_and_a_word_about_it(tmp_path: Path) -> None:
    files = [
        measure(
            continuations(tmp_path / f"{n}.jsonl", lambda _, n=n: bool(n)), tmp_path / f"run{n}", judge=None
        )
        for n in (0, 1)
    ]
    progress = Recorder()
    result = compare(*files, progress=progress)
    assert result.fronts == [] and "--judge" in progress.warnings[-1]
    with pytest.raises(BadSettings, match="no perplexity to draw"):
        compare(*files, picture=tmp_path / "front.svg")


def test_what_is_no_run_is_named(runs: dict[str, Path], tmp_path: Path) -> None:
    assert not are_runs(["a.jsonl", "b.jsonl"]) and are_runs([f"a={runs['rude']}"])
    with pytest.raises(BadData, match="no such file or folder"):
        are_runs([str(runs["rude"]), "b.jsonl"])
    with pytest.raises(BadSettings, match="cannot be compared"):
        are_runs([str(runs["rude"]), f"b={continuations(tmp_path / 'b.jsonl', lambda n: True)}"])
    with pytest.raises(BadSettings, match="--judge cannot be given"):
        compare(runs["rude"], runs["mild"], judge="builtin:chat")
    with pytest.raises(BadSettings, match="was not measured of all"):
        compare(runs["rude"], runs["mild"], pareto=("J",))
    with pytest.raises(BadSettings, match="two systems are called 'run-mild'"):
        compare(runs["mild"], runs["mild"])
    half = tmp_path / "half"
    half.mkdir()
    (half / "scores.jsonl").write_bytes((runs["rude"] / "scores.jsonl").read_bytes())
    with pytest.raises(BadData, match="not finished"):
        compare(runs["rude"], half)


def test_the_command_line_tells_runs_from_rewrites(
    runs: dict[str, Path], detox: Callable[..., Outcome]
) -> None:
    words = ("eval", "compare", f"a={runs['rude']}", f"b={runs['kind']}")
    outcome = detox(*words, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["systems"][0]["system"] == "a"
    assert "12 prompts" in detox(*words, "--dry-run").out
    shown = detox(*words).out
    assert "Toxicity against perplexity" in shown and "Who is less toxic" in shown
    settings = EvalCompareSettings(files=(f"a={runs['rude']}", f"b={runs['kind']}"))
    assert plan_runs(settings).things == [("b", "against a", "12 prompts")]


def test_a_difference_is_no_share_of_what_may_be_nothing(runs: dict[str, Path], tmp_path: Path) -> None:
    written = continuations(tmp_path / "once.jsonl", lambda n: n == 0)
    once = measure(written, tmp_path / "run-once")
    result = compare(f"once={once}", f"kind={runs['kind']}")
    (one,) = (one for one in result.differences if one.figure == TOXICITY)
    assert one.mean_against == pytest.approx(1 / PROMPTS) and one.difference.mean < 0
    assert one.relative is None, "in a third of the draws of prompts the first one is never rude"
