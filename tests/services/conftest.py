import pytest

from tests.rewrites import write
from tests.tiny_encoders import save_classifier, save_encoder


@pytest.fixture(scope="session")
def scorers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scorers")
    return {
        "sta": f"hf:{save_classifier(folder / 'toxicity', ['neutral', 'toxic'])}#toxic",
        "sim": f"hf:{save_encoder(folder / 'similarity')}",
        "fl": f"hf:{save_classifier(folder / 'fluency', ['unacceptable', 'acceptable'], seed=3)}",
    }


@pytest.fixture
def rewrites(tmp_path):
    return write(tmp_path / "rewriter.jsonl")
