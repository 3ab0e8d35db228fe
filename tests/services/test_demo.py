"""``demo``: the whole road with the bundled miniatures, shortened."""

import json
from pathlib import Path

import pytest

from detox_cli.errors import BadData
from detox_cli.services.demo import Stages, run
from detox_cli.settings.demo import DemoSettings
from detox_cli.settings.evaluate import EvalRewriteSettings
from detox_cli.settings.generate import GenerateSettings
from detox_cli.settings.resolve import resolve
from detox_cli.settings.synth import SynthPairsSettings
from detox_cli.settings.train import BartSettings


def offline(section, settings, **given):
    return resolve(section, settings, given, ("offline",))


@pytest.fixture
def stages() -> Stages:
    return Stages(
        pairs=offline("synth.pairs", SynthPairsSettings, num_candidates=2, retries=1),
        train=offline("train.bart", BartSettings, epochs=1.0, eval_rows=4),
        generate=offline("generate", GenerateSettings, model="builtin:bart", num_beams=1),
        evaluate=offline("eval.rewrite", EvalRewriteSettings, resamples=50),
    )


def test_the_whole_road(tmp_path: Path, stages: Stages, recorder):
    folder = tmp_path / "demo"
    result = run(DemoSettings(output=folder, limit=80, show=3), stages, recorder)
    names = {scores.system for scores in result.scores.systems}
    assert {"annotator", "rewriter", "copy (baseline)", "delete (baseline)", "references"} <= names
    test = (folder / "test.jsonl").read_text().splitlines()
    train = (folder / "train.jsonl").read_text().splitlines()
    assert len(train) + len(test) == 80 and all(s.n == len(test) for s in result.scores.systems)
    assert result.annotator.rows == len(train)
    learnt, shown = (
        json.loads((folder / name).read_text().splitlines()[0]) for name in ("pairs.jsonl", "annotator.jsonl")
    )
    assert len(learnt["candidates"]) >= 2 and "candidates" not in shown  # the scores that choose do not judge
    assert len(result.examples) == 3 and all(len(row) == 4 and row[0] and row[3] for row in result.examples)
    assert (folder / "model" / "model.safetensors").is_file()
    assert json.loads((folder / "model" / "detox.json").read_text())["command"] == "train bart"
    assert "rewriter" in (folder / "demo.md").read_text()

    again = run(DemoSettings(output=folder, limit=80, show=3), stages, recorder)
    assert again.scores.systems == result.scores.systems


def test_own_rows_and_too_few_of_them(tmp_path: Path, stages: Stages):
    few = tmp_path / "few.tsv"
    few.write_text("toxic\tneutral\nyou fool\tyou there\n")
    with pytest.raises(BadData, match="too few"):
        run(DemoSettings(output=tmp_path / "demo", data=str(few)), stages)
