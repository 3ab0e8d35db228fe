import importlib.metadata
import sys
from types import SimpleNamespace

import pytest

from detox_cli.errors import BadSettings, Missing
from detox_cli.scoring.comet import load_comet
from detox_cli.scoring.load import load_text_scorer


class Model:
    def predict(self, rows, batch_size, progress_bar):
        return {"scores": [float(row["mt"] == row["ref"]) / (1 + (row["mt"] == row["src"])) for row in rows]}


@pytest.fixture
def package(monkeypatch):
    """The parts of unbabel-comet that are used, with a model whose scores are plain to see."""
    fake = SimpleNamespace(download_model=lambda name: f"/{name}", load_from_checkpoint=lambda path: Model())
    monkeypatch.setitem(sys.modules, "comet", fake)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.2.7")
    return fake


def test_source_output_and_reference_take_the_places_that_comet_knows(package):
    scorer = load_comet("ORG/XCOMET")
    assert scorer.score([("s", "r", "r"), ("s", "o", "r"), ("r", "r", "r")]) == [1.0, 0.0, 0.5]
    assert scorer.identity == "comet ORG/XCOMET unbabel-comet=2.2.7"


def test_a_checkpoint_that_cannot_be_had_is_missing(package):
    def offline(name):
        raise OSError("no network")

    package.download_model = offline
    with pytest.raises(Missing, match="ORG/XCOMET cannot be had: no network"):
        load_comet("ORG/XCOMET")


def test_comet_is_no_scorer_of_single_texts():
    with pytest.raises(BadSettings, match="reads references"):
        load_text_scorer("comet:ORG/XCOMET")
