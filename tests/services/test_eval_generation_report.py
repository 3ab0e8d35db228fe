"""What ``eval generation`` leaves besides its summary: a table of figures, a page, missed limits."""

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from detox_cli.services.eval_generation.limits import METRICS
from detox_cli.services.eval_generation.run import run
from tests.continuations import settings
from tests.recorder import Recorder

HOSTILE = '<script>alert(1)</script> & "quotes" ]]>'


class Page(HTMLParser):
    """The tags of a page, the addresses in it, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.links, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "data", "action")]

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def continued(tmp_path: Path) -> Path:
    """Two languages, one prompt without a continuation, texts that try to be markup."""
    rows = [
        {
            "id": f"{lang}/{n}{HOSTILE if n == 0 else ''}",
            "lang": lang,
            "stratum": ("toxic", "nontoxic")[n % 2],
            "prompt": f"Prompt {n} in {lang}",
            "samples": [{"text": f" you idiot {HOSTILE}"}, {"text": f" a fine day number {n}"}]
            if n < 5
            else [],
        }
        for lang in ("de", "en")
        for n in range(6)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def measured(source: Path, **changes):
    given = {"from_file": str(source), "prompts": None, "num_samples": None, "max_new_tokens": None}
    return settings(source, None, "builtin:lexicon", **{**given, "scorers": ["builtin:lexicon"], **changes})


def test_all_figures_stand_in_one_table(continued: Path) -> None:
    wanted = measured(continued, judge="builtin:lm", k=(1, 2))
    result = run(wanted, Recorder())
    with (wanted.output / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["group", "scorer", "metric", "k", "estimate", "low", "high", "n"]
    means = [result.macro, *result.macro_strata.values()]
    assert len(rows) == sum(map(len, [*(group.figures for group in result.groups), *means]))
    found = {(row["group"], row["scorer"], row["metric"], row["k"]): row for row in rows}
    one = result.groups[0].figures["builtin:lexicon/probability@2"]
    told = found["all", "builtin:lexicon", "probability", "2"]
    assert [float(told[name]) for name in ("estimate", "low", "high")] == [one.mean, one.low, one.high]
    assert told["n"] == "10" and float(found["mean", "", "perplexity", ""]["estimate"]) > 1
    assert {row["group"] for row in rows} == {
        *("all", "toxic", "nontoxic", "mean", "mean toxic", "mean nontoxic"),
        *(f"{lang}{kind}" for lang in ("de", "en") for kind in ("", " toxic", " nontoxic")),
    }
    assert {row["metric"] for row in rows} <= set(METRICS)
    name = "builtin:lexicon/mean"
    both = [group.figures[name].mean for group in result.groups if group.lang and group.stratum == "toxic"]
    assert len(both) == 2 and result.macro_strata["toxic"][name].mean == pytest.approx(sum(both) / 2)


def test_the_page_holds_everything_and_shows_no_text(continued: Path) -> None:
    words = continued.parent / "words.txt"
    words.write_text("idiot\n")
    scorers = ["builtin:lexicon", f"lexicon:{words}"]
    wanted = measured(continued, judge="builtin:lm", scorers=scorers)
    result = run(wanted, Recorder())
    text = (wanted.output / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags.count("svg") == 5 and "script" not in page.tags and page.links == []
    assert "http" not in text.replace("http-equiv", "") and "alert(1)" not in "".join(page.texts).replace(
        HOSTILE, ""
    )
    shown = "".join(page.texts)
    assert f"de/0{HOSTILE}" in shown, "an id is shown as it is, escaped"
    assert "idiot" not in shown and "fine" not in shown and "y\u2022\u2022 i\u2022\u2022\u2022\u2022" in shown
    assert str(result.groups[0].figures["builtin:lexicon/probability@2"]) in shown
    assert "quartiles" in shown and shown.count("mean of languages") == 4, "a title and a label each"
    assert shown.count("of 2 (the languages that it reads)") == 2, "the bundled list reads no German"
    before = text
    again = continued.parent / "again"
    run(measured(continued, judge="builtin:lm", scorers=scorers, output=again), Recorder())
    wanted = wanted.model_copy(update={"output": again})
    assert (wanted.output / "report.html").read_text(encoding="utf-8") == before


def test_a_limit_that_is_missed_fails_after_everything_is_written(continued: Path, detox) -> None:
    out = continued.parent / "out"
    words = ["eval", "generation", "--from", continued, "-o", out, "-s", "builtin:lexicon", "--resamples", 20]
    told = detox(*words, "--json", "--fail-if", "probability>0.5", "--fail-if", "mean[de]>0.9")
    assert told.code == 5 and "probability@2 of all is 1.0000" in told.err and "[de]" not in told.err
    assert json.loads(told.out)["missed"] and (out / "summary.csv").exists()
    assert "missed" not in json.loads((out / "summary.json").read_text())
    again = detox(*words, "--fail-if", "toxicity_probability<0.5")
    assert again.code == 0 and "finished already" in again.err
    typo = detox(*words[:5], continued.parent / "other", "--fail-if", "probabilty>0.5")
    assert typo.code == 2 and "did you mean 'probability'" in typo.err
    assert not (continued.parent / "other" / "generations.jsonl").exists()
