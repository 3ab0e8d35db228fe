"""``eval compare --judge`` asks a real model behind a real server; its every answer is known beforehand.

Runs where servers are installed; CONTRIBUTING says how to make such an environment.
"""

import json
from pathlib import Path

import pytest

from detox_cli.data.writing import write_rows
from tests.generation.judge_by_heart import teach
from tests.generation.real_servers import SERVERS, is_installed, real_server

ROWS = {
    # id: (source, the old rewrite, the new rewrite, answer with the new one as A, answer with it as B)
    "won": ("what a dumb idea", "an idea", "I do not like this idea", "A", "B"),
    "lost": ("shut up already", "please be quiet", "shut up", "B", "Rewrite A."),
    "tied": ("this is rubbish", "this is not good", "this is bad", "Tie", "**Tie**"),
    "swayed": ("nobody likes you , idiot", "nobody likes you", "few people like you", "A", "Answer: A"),
    "prose": ("go away , fool", "please go", "please leave", "Both are fine", "B"),
    "same": ("stop it , you clown", "please stop it", "please stop it", "", ""),
}
VOTES = {"won": "win", "lost": "loss", "tied": "tie", "swayed": "tie", "prose": "unparsed", "same": "tie"}


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not any(is_installed(kind) for kind in SERVERS):
        pytest.skip("no server is installed")
    answers = {}
    for source, old, new, straight, swapped in ROWS.values():
        if old != new:
            answers |= {(source, new, old): straight, (source, old, new): swapped}
    return teach(answers, tmp_path_factory.mktemp("judge"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("systems")
    for name, place in (("old", 1), ("new", 2)):
        rows = [{"id": key, "toxic": row[0], "neutral": row[place]} for key, row in ROWS.items()]
        write_rows(folder / f"{name}.jsonl", rows)
    return [f"{name}={folder / name}.jsonl" for name in ("old", "new")]


@pytest.mark.parametrize("kind", ["in this process", *SERVERS])
def test_what_the_judge_says_in_both_orders_is_what_is_counted(kind, judge, files, detox, tmp_path):
    words = ["eval", "compare", *files, "--no-scores", "--judge", judge, "-o", tmp_path / "out", "--json"]
    if kind == "in this process":
        outcome = detox(*words, "--device", "cpu")
    else:
        with real_server(kind, str(judge), tmp_path / "log") as running:
            outcome = detox(*words, "--engine", "server", "--base-url", running.url, "--concurrency", "2")
    assert outcome.code == 0, outcome.err
    rows = [json.loads(line) for line in (tmp_path / "out" / "rows.jsonl").read_text().splitlines()]
    assert {row["id"]: row["votes"]["judge"] for row in rows} == VOTES
    (votes,), (steady,) = (
        json.loads(outcome.out)["side_by_side"],
        json.loads(outcome.out)["judge"]["contests"],
    )
    shares = [votes[kind]["mean"] for kind in ("win", "tie", "loss", "unparsed")]
    assert shares == pytest.approx([1 / 6, 3 / 6, 1 / 6, 1 / 6])
    assert (steady["rows"], steady["identical"], steady["unparsed"]) == (6, 1, 1)
    assert steady["inconsistent"]["mean"] == pytest.approx(1 / 4) and steady["inconsistent"]["n"] == 4
    assert steady["asked_again"] == 1
    assert "order changed the judge's answer on 25% of the rows" in outcome.err, "four rows prove nothing"
