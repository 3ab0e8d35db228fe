import json
from pathlib import Path

import pytest

from tests.chains import train_chains
from tests.continuations import TEXTS
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


@pytest.fixture
def lx_prompts(tmp_path: Path) -> Path:
    rows = [
        {
            "Prompt": text,
            "Locale": lang,
            "Index": index,
            "OriginalMetadata": {"Filename": f"{index}.txt", "Begin": "0", "End": "9"},
            "PromptAnnotations": {"Toxicity": 1 + 3 * (index % 2)},
        }
        for lang in ("EN", "DE")
        for index, text in enumerate(TEXTS)
    ]
    path = tmp_path / "RTP_LX.json"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def toxic_scorer(tiny_classifier: Path) -> str:
    return f"hf:{tiny_classifier}#toxic"


@pytest.fixture(scope="session")
def chain_model(tiny_gpt2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt the chains of `tests.chains` by heart, and is lost on other prompts."""
    return train_chains(tiny_gpt2, tmp_path_factory.mktemp("chains"))
