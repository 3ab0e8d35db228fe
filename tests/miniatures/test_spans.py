"""The bundled detector of toxic words: what it weighs, what it marks, and that it saw none of its figures."""

import json
import os
from pathlib import Path

import pytest

import detox_cli.miniatures
from detox_cli.miniatures.training.spans import BESIDE, held_out_posts
from detox_cli.scoring.spans.load import load_span_detector
from detox_cli.services.train_spans.measuring import overlaps_of

FOLDER = Path(detox_cli.miniatures.__file__).parent / "spans"


def test_the_folder_is_small_and_its_card_has_the_figures() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 5.5e6
    figures = json.loads((FOLDER / "figures.json").read_text())
    assert figures["the model: character f1"]["low"] > 0.6
    assert all(figures[f"f1 ahead of `{name}`"]["mean"] > 0 for name in BESIDE)
    assert figures["calm sentences in which the model marks something"]["high"] < 0.05
    card = (FOLDER / "README.md").read_text()
    assert f"{figures['the model: character f1']['mean']:.3f}" in card and "{" not in card.split("---")[2]


def test_rude_words_are_marked_where_they_stand_and_calm_text_is_not() -> None:
    detector = load_span_detector("builtin:spans", device="cpu")
    texts = ["What a STUPID  idea, you idiot!", "The garden was quiet in the morning.", ""]
    found = detector.detect(texts)
    assert [texts[0][s.start : s.end] for s in found[0]] == ["STUPID", "idiot"]
    assert found[1:] == [[], []]
    long = "We met again on Monday to look at the plans. " * 60
    (marked,) = detector.detect([long + texts[0]])
    assert [span.start - len(long) for span in marked] == [7, 25]


@pytest.mark.skipif("DETOX_DATA" not in os.environ, reason="reads the development data")
def test_the_figure_is_what_the_model_reaches() -> None:
    posts = held_out_posts(Path(os.environ["DETOX_DATA"]))[:200]
    f1 = [one.f1 for one in overlaps_of(load_span_detector("builtin:spans", device="cpu"), posts)]
    kept = json.loads((FOLDER / "figures.json").read_text())["the model: character f1"]["mean"]
    assert sum(f1) / len(f1) == pytest.approx(kept, abs=0.06)
