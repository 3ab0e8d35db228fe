"""A text is scored once, whichever runs and commands ask for it, alone or in an ensemble."""

from collections import Counter

from detox_cli.data.writing import write_rows
from detox_cli.scoring.classifier import TextClassifier
from detox_cli.services.eval_calibrate.run import run as calibrate
from detox_cli.services.eval_generation.run import run as measure
from detox_cli.settings.calibrate import EvalCalibrateSettings
from detox_cli.settings.eval_generation import EvalGenerationSettings
from tests.continuations import flat


def test_two_runs_and_another_command_score_every_text_once(toxic_scorer, tmp_path, monkeypatch):
    monkeypatch.setenv("DETOX_CACHE", str(tmp_path / "cache"))
    computed: Counter[str] = Counter()
    score = TextClassifier.score

    def counting(self, texts):
        computed.update(texts)
        return score(self, texts)

    monkeypatch.setattr(TextClassifier, "score", counting)
    first = [("a prompt", f"text number {i % 7}") for i in range(20)]
    second = [("b prompt", f"text number {i}") for i in range(4, 10)]
    for name, rows, scorer in (
        ("one", first, toxic_scorer),
        ("two", second, f"max:builtin:lexicon,{toxic_scorer}"),
        ("again", first + second, toxic_scorer),
    ):
        source = flat(tmp_path / f"{name}.jsonl", rows)
        chosen = {"from_file": source, "output": tmp_path / name, "scorers": [scorer]}
        measure(EvalGenerationSettings(**chosen, device="cpu", resamples=10))
    labels = [{"text": f"text number {i}", "toxic": i % 2} for i in range(12)]
    write_rows(tmp_path / "labels.jsonl", labels)
    asked = {"scorer": toxic_scorer, "labels": [str(tmp_path / "labels.jsonl")], "device": "cpu"}
    calibrate(EvalCalibrateSettings(**asked, least=2, resamples=10))
    assert computed == Counter(f"text number {i}" for i in range(12))
