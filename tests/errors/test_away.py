"""What is on another machine: a hub, a file or a service that does not answer, or lacks something."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from detoxify.detoxify import MODEL_URLS
from huggingface_hub import constants

from detox_cli.errors import ExitCode
from detox_cli.generation.server_client import Patience
from detox_cli.models.hub import hub_answers
from detox_cli.models.loading import load_causal
from detox_cli.models.snapshot import local_folder
from detox_cli.models.sources import MINIATURES, ModelSource, find_model
from detox_cli.scoring.load import load_pair_scorer, load_text_scorer
from tests.errors.case import Case
from tests.hub.server import COMMIT, hub
from tests.tiny_encoders import save_detoxify

Told = Callable[[Case], None]
MISSING = ExitCode.MISSING
NOBODY = "http://127.0.0.1:9"


def point_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client, which is loaded already, ask there."""
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a hub that is asked, with nothing fetched yet."""
    (tmp_path / "hub/models/somebody").mkdir(parents=True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub(tmp_path / "hub") as address:
        point_to(address, monkeypatch)
        yield tmp_path / "hub/models/somebody"


def test_what_a_repository_lacks(told: Told, online: Path) -> None:
    (online / "words").mkdir()
    (online / "words/README.md").write_text("words")
    told(Case(lambda: find_model("somebody/words"), "somebody/words is no model: it has no config", MISSING))
    bare = online / "bare"
    bare.mkdir()
    for path in (MINIATURES / "lm").glob("*.json"):
        (bare / path.name).write_bytes(path.read_bytes())
    source = find_model("somebody/bare")
    assert source.revision == COMMIT
    told(Case(lambda: load_causal(source, "cpu"), "the hub model somebody/bare cannot be fetched", MISSING))


def test_whether_a_hub_answers(online: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That there is no such file is an answer, and an error in a program is not taken for silence."""
    assert hub_answers("somebody/none", "config.json")
    point_to(NOBODY, monkeypatch)
    assert not hub_answers("somebody/none", "config.json")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not hub_answers("somebody/none", "config.json")
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda url: None)
    with pytest.raises(TypeError):
        hub_answers("somebody/none", "config.json")


def test_files_that_were_never_fetched(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    source = ModelSource("somebody/chat", "somebody/chat", "hub", COMMIT)
    said = "the files of somebody/chat cannot be fetched from here"
    told(Case(lambda: local_folder(source, fetch=False), said, MISSING))
    told(Case(lambda: find_model("a--b"), "no model folder and no hub id: a--b", MISSING))


def test_published_checkpoints(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODEL_URLS, "original", f"{NOBODY}/toxic-12345678.ckpt")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.delenv("HF_HUB_OFFLINE")
    said = "toxic-12345678.ckpt cannot be fetched from here"
    told(Case(lambda: load_text_scorer("detoxify:original"), said, MISSING))
    whole = save_detoxify(tmp_path / "whole", ["toxic", "severe_toxic", "insult"])
    content = torch.load(whole, weights_only=True)
    alone = tmp_path / "alone/a.ckpt"
    alone.parent.mkdir()
    content["config"]["arch"]["args"]["model_type"] = "somebody/encoder"
    torch.save(content, alone)
    said = "the configuration and tokenizer of somebody/encoder, which a.ckpt needs, cannot be had"
    told(Case(lambda: load_text_scorer(f"detoxify:{alone}"), said, MISSING))
    content["state_dict"]["classifier.weight"] = torch.zeros(3, 5)
    torch.save(content, whole)
    said = f"{whole}: the weights do not fit the configuration"
    told(Case(lambda: load_text_scorer(f"detoxify:{whole}"), said))


def test_a_service_that_is_not_there(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSPECTIVE_URL", NOBODY)
    monkeypatch.setenv("PERSPECTIVE_API_KEY", "k")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    scorer = replace(load_text_scorer("perspective"), patience=Patience(2, 0.01, 0.01, 5))
    told(Case(lambda: scorer.score(["a word"]), "no server answers", MISSING))


def test_a_folder_that_pools_in_a_way_of_its_own(told: Told, tmp_path: Path) -> None:
    pooling = {"1_Pooling/config.json": json.dumps({"pooling_mode_max_tokens": True})}
    parts = (path for path in (MINIATURES / "similarity").iterdir() if path.is_file())
    files = {f"m/{path.name}": path.read_bytes() for path in parts}
    files |= {f"m/{name}": text.encode() for name, text in pooling.items()}
    told(
        Case(
            lambda: load_pair_scorer("hf:m"),
            "m pools in a way that is not supported: pooling_mode_max_tokens",
            ExitCode.USAGE,
            files,
        )
    )
