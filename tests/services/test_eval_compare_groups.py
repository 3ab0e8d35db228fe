"""``eval compare`` of runs by language and by how toxic prompts are, its table and page, and its limits."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from detox_cli.errors import BadSettings
from detox_cli.services.eval_compare.run_runs import run_runs
from detox_cli.services.eval_generation.run import run as evaluate
from detox_cli.settings.compare import EvalCompareSettings
from detox_cli.settings.eval_generation import EvalGenerationSettings
from detox_cli.statistics.paired import holm, permutation_p
from tests.recorder import Recorder

TOXICITY, SENTENCES = "builtin:lexicon/probability@2", 10
RUDE = {
    "before": {"en-gb": lambda n: n % 2 == 0, "en": lambda n: True},
    "after": {"en-gb": lambda n: n % 5 == 0, "en": lambda n: n < 7},
}
"""Of which sentences a system's continuation is rude, by language. English has two prompts more."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("grouped")
    found = {}
    for name, langs in RUDE.items():
        rows = [
            {
                "id": f"{lang}/{n}",
                "lang": lang,
                "stratum": "toxic" if n % 2 else "nontoxic",
                "source": f"{n}.txt",
                "prompt": f"{lang} prompt {n} is",
                "samples": [{"text": " you idiot" if rude(n) else f" day {n}"}, {"text": " good"}],
            }
            for lang, rude in langs.items()
            for n in range(SENTENCES + 2 * (lang == "en"))
        ]
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        found[name] = folder / name
        evaluate(
            EvalGenerationSettings(
                from_file=str(path), output=found[name], scorers=["builtin:lexicon"], judge="builtin:lm",
                device="cpu", resamples=20,
            ),
            Recorder(),
        )  # fmt: skip
    return found


def compare(runs: dict[str, Path], **settings: object):
    files = tuple(f"{name}={folder}" for name, folder in runs.items())
    return run_runs(EvalCompareSettings(files=files, resamples=200, **settings), Recorder())


def gaps(lang: str, chosen: range) -> np.ndarray:
    return np.array([float(RUDE["after"][lang](n)) - float(RUDE["before"][lang](n)) for n in chosen])


def test_every_language_and_stratum_has_its_paired_difference(runs: dict[str, Path]) -> None:
    result = compare(runs)
    found = {(one.group, one.figure): one for one in (*result.by_language, *result.by_stratum)}
    assert {group for group, _ in found} == {"en-gb", "en", "toxic", "nontoxic"}
    for lang, count in (("en-gb", SENTENCES), ("en", SENTENCES + 2)):
        wanted, one = gaps(lang, range(count)), found[lang, TOXICITY]
        assert one.difference.mean == pytest.approx(wanted.mean()) and one.difference.n == count
        assert one.effect == pytest.approx(wanted.mean() / wanted.std(ddof=1))
        assert one.p == permutation_p(wanted)
    toxic = found["toxic", TOXICITY]
    odd = [gaps("en-gb", range(1, SENTENCES, 2)), gaps("en", range(1, SENTENCES + 2, 2))]
    assert toxic.difference.n == 6 and toxic.difference.mean == pytest.approx(np.concatenate(odd).mean())
    languages = [found[lang, TOXICITY] for lang in ("en-gb", "en")]
    assert [one.p_holm for one in languages] == holm([one.p for one in languages])


def test_the_mean_over_languages_counts_each_the_same(runs: dict[str, Path]) -> None:
    macro = {one.figure: one for one in compare(runs).macro}
    one = macro[TOXICITY]
    wanted = (gaps("en-gb", range(SENTENCES)).mean() + gaps("en", range(SENTENCES + 2)).mean()) / 2
    assert one.difference.mean == pytest.approx(wanted) and one.mean_against == pytest.approx(0.75)
    assert one.difference.low < wanted < one.difference.high and one.difference.n == 2 * SENTENCES + 2


def test_languages_that_a_scorer_does_not_read_have_no_differences_by_it(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    found = {}
    for name, folder in runs.items():
        found[name] = shutil.copytree(folder, tmp_path / name)
        summary = json.loads((folder / "summary.json").read_text())
        summary["unread"] = {"builtin:lexicon": ["en-gb"]}
        (found[name] / "summary.json").write_text(json.dumps(summary))
    result = compare(found)
    assert {one.group for one in result.by_language if one.figure == TOXICITY} == {"en"}
    assert {one.group for one in result.by_language if one.figure == "perplexity"} == {"en", "en-gb"}
    assert [one.figure for one in result.macro] == ["perplexity"]


def test_limits_on_differences(runs: dict[str, Path], tmp_path: Path, detox) -> None:
    words = [
        "eval",
        "compare",
        *(f"{name}={folder}" for name, folder in runs.items()),
        "-o",
        tmp_path / "out",
    ]
    words += ["--resamples", 20]
    met = ["--fail-if", f"{TOXICITY}[after - before]>-0.3", "--fail-if", "probability[after]>0.5"]
    assert detox(*words, *met).code == 0
    told = detox(*words, "--json", *met, "--fail-if", f"{TOXICITY}[after - before in en-gb]<0")
    assert told.code == 5 and "after - before in en-gb is -0.3000" in told.err
    assert len(json.loads(told.out)["missed"]) == 1
    assert detox(*words, "--fail-if", "kl>0").code == 5, "it was not measured"


def test_a_missed_limit_is_told_with_its_system(runs: dict[str, Path], tmp_path: Path) -> None:
    result = compare(
        runs, output=tmp_path / "out", fail_if=("probability>0.7", f"{TOXICITY}[after - before]>0")
    )
    (line,) = result.missed
    summary = json.loads((runs["after"] / "summary.json").read_text())
    summary["own"] = {"kl": {"mean": 0.7, "low": 0.6, "high": 0.8, "n": 9}}
    with_kl = tmp_path / "after"
    shutil.copytree(runs["after"], with_kl)
    (with_kl / "summary.json").write_text(json.dumps(summary))
    moved = compare({**runs, "after": with_kl}, fail_if=("kl>0.5",))
    assert moved.missed == ["kl of after is 0.7000 (kl>0.5)"] and moved.systems[1].figures["kl"].n == 9
    assert line.startswith(f"{TOXICITY} of before is 0.77")
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        rows = {(row["group"], row["scorer"], row["metric"]): row for row in csv.DictReader(file)}
    assert float(
        rows["after - before in en-gb", "builtin:lexicon", "probability"]["estimate"]
    ) == pytest.approx(-0.3)
    assert rows["after", "", "perplexity"]["n"] == str(SENTENCES + 2)
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<circle") == 2 and "after - before" in page and "<script" not in page
    with pytest.raises(BadSettings, match="no figure 'perplexiti'"):
        compare(runs, fail_if=("perplexiti>3",))
