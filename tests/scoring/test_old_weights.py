"""Scorers on the hub that are older than safetensors."""

import pytest
import torch
from safetensors.torch import load_file

from detox_cli.errors import DetoxError
from detox_cli.models.loading import load_classifier
from detox_cli.models.sources import ModelSource
from detox_cli.scoring.classifier import text_classifier
from detox_cli.scoring.load import load_text_scorer
from detox_cli.scoring.spec import parse_spec
from tests.runs_code import RunsCode
from tests.tiny_encoders import SENTENCES


@pytest.fixture
def pickled(toxic_model, tmp_path):
    """The model as it would lie in the hub's cache, its weights in ``pytorch_model.bin``."""
    for file in toxic_model.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save(load_file(toxic_model / "model.safetensors"), tmp_path / "pytorch_model.bin")
    return ModelSource("org/model", str(tmp_path), "hub")


def test_pickled_weights_from_the_hub_are_read_as_plain_tensors(pickled, toxic_model):
    scorer = text_classifier(load_classifier(pickled), parse_spec("hf:org/model#toxic"))
    assert scorer.score(SENTENCES) == load_text_scorer(f"hf:{toxic_model}#toxic").score(SENTENCES)


def test_pickled_weights_that_would_run_code_are_refused_before_they_do(pickled, toxic_model, tmp_path):
    marker = tmp_path / "marker"
    state = load_file(toxic_model / "model.safetensors")
    torch.save(state | {"extra": RunsCode(marker)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(DetoxError, match="org/model cannot be loaded"):
        load_classifier(pickled)
    assert not marker.exists()


def test_pickled_weights_in_a_folder_are_refused(pickled):
    with pytest.raises(DetoxError, match="pickled"):
        load_text_scorer(f"hf:{pickled.location}#toxic")
