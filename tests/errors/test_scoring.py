"""Scorers and detectors that are named wrongly, or whose files cannot be used."""

from collections.abc import Callable
from pathlib import Path

import pytest

from detox_cli.errors import ExitCode
from detox_cli.scoring.calibration import read_calibration
from detox_cli.scoring.detoxify import find_checkpoint
from detox_cli.scoring.load import load_text_scorer
from detox_cli.scoring.perspective_answers import read_recorded
from detox_cli.scoring.spans.load import parse_detector
from detox_cli.scoring.spec import parse_spec
from tests.errors.case import Case, usage

Told = Callable[[Case], None]
MISSING = ExitCode.MISSING
CASES = [
    usage(
        lambda: parse_detector("perspective"), "perspective: Perspective scores whole sentences, not spans"
    ),
    usage(lambda: parse_detector("lexicn:a"), "unknown detector of spans 'lexicn:a'; the kinds are"),
    usage(lambda: parse_detector("lexicon:"), "detector 'lexicon:' names nothing after 'lexicon:'"),
    usage(lambda: parse_spec("mean:builtin:toxicity,max:a,b"), "holds another one, 'max:"),
    usage(lambda: load_text_scorer("comet:x"), "'comet:x' reads references"),
    usage(
        lambda: load_text_scorer("lexicon:w.txt#most"),
        "a word list counts any or share, not 'most'",
        **{"w.txt": "darn"},
    ),
    usage(
        lambda: find_checkpoint("mine", Path("c.ckpt")),
        "--checkpoint holds a published file, and 'detoxify:mine'",
    ),
    Case(lambda: find_checkpoint("d"), "2 files *.ckpt in d", MISSING, {"d/a.ckpt": "", "d/b.ckpt": ""}),
    Case(
        lambda: find_checkpoint("original", Path("d")),
        "no toxic_original-c1212f89.ckpt at d",
        MISSING,
        {"d/x": ""},
    ),
    Case(lambda: read_calibration("d"), "no calibration at d", MISSING),
    Case(lambda: load_text_scorer("lexicon:w.txt"), "no such word list: w.txt", MISSING),
    Case(
        lambda: load_text_scorer("lexicon:w.txt"),
        "w.txt: this is not a UTF-8 word list",
        files={"w.txt": b"\xff\xfe"},
    ),
    Case(lambda: read_recorded(Path("a.jsonl"), "TOXICITY"), "a.jsonl:1", files={"a.jsonl": "{}\n"}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_scorers(case: Case, told: Told) -> None:
    told(case)


def test_a_rate_that_is_none(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSPECTIVE_QPS", "fast")
    monkeypatch.setenv("PERSPECTIVE_API_KEY", "k")
    told(usage(lambda: load_text_scorer("perspective"), "PERSPECTIVE_QPS is no rate: 'fast'"))
