"""``detox report``: what is on the page, what cannot be, and that a browser shows it."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from detox_cli.errors import BadData, BadSettings
from detox_cli.runs.stated import Stated, stated_figures
from detox_cli.services.report.run import run
from detox_cli.settings.report import ReportSettings
from tests.conftest import Outcome
from tests.manifests import write_plain

HOSTILE = "<script>document.title = 'run'</script>&\"'"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def made(folder: Path, toxicity: float, words: str = "plain words") -> Path:
    """A finished run with rows, a log of training, and a picture."""
    folder.mkdir(parents=True)
    rows = [{"id": f"{HOSTILE}{n}", "text": words, "score": n / 2} for n in range(3)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    log = [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 1.5}, {"step": 2, "eval_loss": 1.75}]
    (folder / "more.jsonl").write_text('{"id": "7", "text": "other words"}\n')
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log))
    (folder / "curve.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><title>x</title></svg>')
    write_plain(
        folder,
        command="eval generation",
        settings={"seed": 3, "title": HOSTILE},
        models={"model": {"name": "builtin:lm", "fingerprint": "abc"}},
        metrics={
            "toxicity": {"mean": toxicity, "low": toxicity - 0.1, "high": toxicity + 0.1, "n": 9},
            "kept": 12000,
        },
        started=1e9,
    )
    return folder


def test_figures_of_several_runs_stand_side_by_side_and_texts_in_outline(tmp_path: Path) -> None:
    made(tmp_path / "runs" / "before", 0.5), made(tmp_path / "runs" / "after", 0.25)
    result = run(ReportSettings(outputs=(tmp_path / "runs",), output=tmp_path / "r.html"))
    page = (tmp_path / "r.html").read_text()
    assert result.shared and [path.name for path in result.outputs] == ["after", "before"]
    assert "0.25 [0.15, 0.35], n 9" in page and "0.5 [0.4, 0.6], n 9" in page and "12000" in page
    assert "training loss" in page and "data:image/svg+xml;base64," in page
    assert "p•••• w••••" in page and "plain words" not in page
    assert "o•••• w••••" in page and "Rows of more.jsonl" in page


def test_texts_are_shown_when_it_is_asked_for(tmp_path: Path) -> None:
    made(tmp_path / "run", 0.5)
    run(ReportSettings(outputs=(tmp_path / "run",), output=tmp_path / "r.html", redact=False))
    assert "plain words" in (tmp_path / "r.html").read_text()


def test_nothing_on_the_page_comes_from_elsewhere_or_is_run(tmp_path: Path) -> None:
    made(tmp_path / "run", 0.5, HOSTILE)
    run(ReportSettings(outputs=(tmp_path / "run",), output=tmp_path / "r.html", redact=False, title=HOSTILE))
    page = (tmp_path / "r.html").read_text()
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "default-src 'none'" in page


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_shows_the_page_and_runs_nothing(tmp_path: Path) -> None:
    made(tmp_path / "runs" / "before", 0.5), made(tmp_path / "runs" / "after", 0.25)
    page, picture = tmp_path / "r.html", tmp_path / "page.png"
    run(ReportSettings(outputs=(tmp_path / "runs",), output=page, title="Before and after"))
    line = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/b"]
    line += ["--dump-dom", f"--screenshot={picture}", f"file://{page}"]
    shown = subprocess.run(line, capture_output=True, timeout=120).stdout.decode()
    assert "<title>Before and after</title>" in shown
    assert shown.count("<section>") == 4 and shown.count("<img") == 2 and shown.count("<rect") == 2
    assert picture.stat().st_size > 10_000


def test_what_is_no_finished_output_is_named(tmp_path: Path, detox: Any) -> None:
    with pytest.raises(BadData, match="no finished output"):
        run(ReportSettings(outputs=(tmp_path,), output=tmp_path / "r.html"))
    (tmp_path / "r.html").write_text("mine")
    with pytest.raises(BadSettings, match="already"):
        run(ReportSettings(outputs=(made(tmp_path / "run", 0.5),), output=tmp_path / "r.html"))
    for _ in range(2):  # the same page is no other page
        outcome: Outcome = detox("report", str(tmp_path / "run"), "-o", str(tmp_path / "new.html"))
        assert outcome.code == 0 and outcome.out.rstrip().endswith("new.html")


def test_what_lies_inside_an_output_is_a_part_of_it(tmp_path: Path, detox: Any) -> None:
    for name in ("one", "two"):
        rows = made(tmp_path / name, 0.5) / "rows.jsonl"
        shutil.copy(tmp_path / name / "detox.json", f"{rows}.detox.json")
    outcome = detox("report", *sorted(map(str, tmp_path.iterdir())), "-o", str(tmp_path / "r.html"), "--json")
    assert len(json.loads(outcome.out)["outputs"]) == 4
    page = (tmp_path / "r.html").read_text()
    assert page.count("Part of it") == 2
    assert "<th>one</th><th>two</th>" in page, "parts do not stand beside what they are parts of"


def test_paperwork_stands_for_its_output(tmp_path: Path) -> None:
    output = tmp_path / "rows.jsonl"
    output.write_text('{"id": "1", "text": "plain words"}\n')
    (tmp_path / "rows.jsonl.rejects.jsonl").write_text("{}\n")
    write_plain(output)
    result = run(ReportSettings(outputs=tuple(tmp_path.iterdir()), output=tmp_path / "r.html"))
    assert result.outputs == [output]


def test_figures_are_found_however_deep_they_lie() -> None:
    metrics = {
        "a": {"b": 1, "yes": True, "text": "no"},
        "list": [{"name": "x", "v": 2.5}, 3],
        "e": {"mean": 1.0, "n": 4},
        "groups": [{"lang": None, "figures": {"m": {"mean": 2.0, "difference": {"mean": 3.0}, "p": 0.5}}}],
        "tests": [{"system": "s", "measure": "STA", "p": 1}, {"system": "s", "measure": "SIM", "p": 2}],
        "figures": {"e": 7},
        "strata": [{"stratum": None, "q": 8}, {"stratum": "odd", "q": 9}],
    }
    assert list(stated_figures(metrics)) == [
        Stated("a.b", 1.0),
        Stated("list.x.v", 2.5),
        Stated("list.1", 3.0),
        Stated("e", 1.0, n=4),
        Stated("m", 2.0),
        Stated("m.difference", 3.0),
        Stated("m.p", 0.5),
        Stated("tests.s STA.p", 1.0),
        Stated("tests.s SIM.p", 2.0),
        Stated("e (2)", 7.0),
        Stated("strata.q", 8.0),
        Stated("strata.odd.q", 9.0),
    ]


def test_several_alike_are_a_table_and_an_interval_of_one_row_is_none(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    def estimate(mean: float, n: int) -> dict[str, float]:
        return {"mean": mean, "low": mean - 0.1 * (n > 1), "high": mean + 0.1 * (n > 1), "n": n}

    systems = [{"system": name, "STA": estimate(0.5, 9), "rows": 9} for name in ("one", "two")]
    metrics = {
        "pareto": systems,
        "experts": [{"folder": ".", "tokens": 7, "perplexity": estimate(30.0, 1)}],
    }
    (tmp_path / "run" / "metrics.jsonl").write_text('{"step": 3, "loss": 2.5}\n')
    write_plain(tmp_path / "run", metrics=metrics)
    run(ReportSettings(outputs=(tmp_path / "run",), output=tmp_path / "r.html"))
    page = (tmp_path / "r.html").read_text()
    assert "<h3>pareto</h3>" in page and '<th>STA</th><th class="number">rows</th>' in page
    row = '<td class="short">two</td><td class="word">0.5 [0.4, 0.6]</td><td class="number">9</td>'
    assert row in page and "n = 9." in page
    assert "experts.<wbr>tokens" in page and page.count("<circle") == 1
    alone = '<td class="number">30</td><td>-</td><td>-</td>'
    assert f'<td class="word">experts.<wbr>perplexity</td>{alone}<td class="number">1</td>' in page
