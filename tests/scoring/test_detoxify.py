import hashlib
import pickle
from fractions import Fraction

import pytest
import torch
from detoxify import Detoxify
from detoxify.detoxify import MODEL_URLS

from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.scoring.load import load_text_scorer, load_text_scorers
from tests.runs_code import RunsCode
from tests.tiny_encoders import SENTENCES


def test_scores_are_those_of_detoxify_itself(detoxify_checkpoint):
    theirs = Detoxify(
        checkpoint=str(detoxify_checkpoint), huggingface_config_path=str(detoxify_checkpoint.parent)
    ).predict(SENTENCES)
    assert set(theirs) == {"toxicity", "severe_toxicity", "insult"}
    for name, scores in theirs.items():
        ours = load_text_scorer(f"detoxify:{detoxify_checkpoint}#{name}", batch_tokens=64)
        assert ours.score(SENTENCES) == pytest.approx(scores, abs=1e-6)


def test_the_default_class_is_toxicity_and_a_folder_will_do(detoxify_checkpoint):
    scorer = load_text_scorer(f"detoxify:{detoxify_checkpoint.parent}")
    assert (scorer.label, scorer.meaning) == ("toxicity", "toxic")
    assert scorer.identity == load_text_scorer(f"detoxify:{detoxify_checkpoint}").identity


def test_an_unknown_class_lists_the_classes_there_are(detoxify_checkpoint):
    with pytest.raises(BadSettings, match="it has toxicity, severe_toxicity, insult"):
        load_text_scorer(f"detoxify:{detoxify_checkpoint}#threat")


def test_a_checkpoint_that_would_run_code_is_refused_before_it_does(tmp_path, detoxify_checkpoint):
    marker, path = tmp_path / "marker", tmp_path / "evil.ckpt"
    content = torch.load(detoxify_checkpoint, weights_only=True)
    torch.save(content | {"optimizer": RunsCode(marker)}, path)
    with pytest.raises(BadData, match="could run code"):
        load_text_scorer(f"detoxify:{path}")
    assert not marker.exists()


def test_a_hash_in_the_name_is_checked(tmp_path, detoxify_checkpoint):
    path = tmp_path / "toxic_original-c1212f89.ckpt"
    path.write_bytes(detoxify_checkpoint.read_bytes())
    with pytest.raises(BadData, match="does not match the hash in the name"):
        load_text_scorer(f"detoxify:{path}")


def test_a_published_checkpoint_that_was_swapped_is_refused(tmp_path, monkeypatch):
    marker = tmp_path / "marker"
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "toxic_original-c1212f89.ckpt").write_bytes(pickle.dumps(RunsCode(marker)))
    with pytest.raises(BadData, match="does not match the hash"):
        load_text_scorer("detoxify:original")
    assert not marker.exists()


def test_a_published_checkpoint_that_is_not_here_says_where_it_belongs(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Missing) as caught:
        load_text_scorer("detoxify:original")
    assert "toxic_original-c1212f89.ckpt" in str(caught.value)
    assert str(tmp_path) in caught.value.hint and "--profile offline" in caught.value.hint


def test_other_files_are_no_checkpoints(tmp_path, detoxify_checkpoint):
    (tmp_path / "text.ckpt").write_text("hello")
    torch.save({"weights": torch.zeros(2)}, tmp_path / "weights.ckpt")
    content = torch.load(detoxify_checkpoint, weights_only=True)
    content["config"]["arch"]["args"]["model_name"] = "pipeline"
    torch.save(content, tmp_path / "asks.ckpt")
    for name, error, said in [
        ("text", BadData, "checkpoint"),
        ("weights", BadData, "lacks 'config' or 'state_dict'"),
        ("asks", BadSettings, "asks for 'pipeline'"),
    ]:
        with pytest.raises(error, match=said):
            load_text_scorer(f"detoxify:{tmp_path / name}.ckpt")


def test_weights_that_do_not_cover_the_model_are_refused(tmp_path, detoxify_checkpoint):
    content = torch.load(detoxify_checkpoint, weights_only=True)
    del content["state_dict"]["classifier.weight"]
    for file in detoxify_checkpoint.parent.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save(content, tmp_path / "partial.ckpt")
    with pytest.raises(BadData, match=r"classifier\.weight"):
        load_text_scorer(f"detoxify:{tmp_path}/partial.ckpt")


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A web address with a checkpoint of this name, and an empty folder to fetch it to."""

    def serve(name, content):
        (tmp_path / "web").mkdir()
        (tmp_path / "web" / name).write_bytes(content)
        monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
        monkeypatch.setitem(MODEL_URLS, "original", f"file://{tmp_path}/web/{name}")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        return tmp_path / "hub" / "checkpoints" / name

    return serve


def test_a_published_checkpoint_is_fetched_checked_and_may_hold_more_than_weights(
    published, detoxify_checkpoint
):
    content = torch.load(detoxify_checkpoint, weights_only=True)
    file = detoxify_checkpoint.with_name("more.pt")
    torch.save(content | {"epoch": Fraction(1, 2)}, file)
    name = f"tiny-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}.ckpt"
    place = published(name, file.read_bytes())
    scores = load_text_scorer("detoxify:original").score(SENTENCES)
    assert scores == load_text_scorer(f"detoxify:{detoxify_checkpoint}").score(SENTENCES)
    assert place.exists()


def test_what_a_published_checkpoint_holds_beside_its_weights_is_not_run(
    published, detoxify_checkpoint, tmp_path
):
    """Eight digits of a hash are not enough to trust a file with more than numbers."""
    mark = tmp_path / "code-was-run"
    content = torch.load(detoxify_checkpoint, weights_only=True)
    file = detoxify_checkpoint.with_name("tricky.pt")
    torch.save(content | {"more": RunsCode(mark), "nested": [{"and": Fraction(1, 2)}]}, file)
    published(f"tiny-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}.ckpt", file.read_bytes())
    scores = load_text_scorer("detoxify:original").score(SENTENCES)
    assert scores == load_text_scorer(f"detoxify:{detoxify_checkpoint}").score(SENTENCES)
    assert not mark.exists()


def test_a_fetched_checkpoint_with_another_hash_is_not_kept(published, detoxify_checkpoint):
    place = published("tiny-00000000.ckpt", detoxify_checkpoint.read_bytes())
    with pytest.raises(BadData, match="does not match the hash in its name"):
        load_text_scorer("detoxify:original")
    assert not place.exists()


def test_a_published_checkpoint_is_taken_from_where_it_lies(published, detoxify_checkpoint, tmp_path):
    name = f"tiny-{hashlib.sha256(detoxify_checkpoint.read_bytes()).hexdigest()[:8]}.ckpt"
    fetched = published(name, b"never fetched")
    ours = load_text_scorer("detoxify:original#insult", checkpoint=detoxify_checkpoint)
    assert ours.score(SENTENCES) == load_text_scorer(f"detoxify:{detoxify_checkpoint}#insult").score(
        SENTENCES
    )
    assert ours.identity.startswith(f"detoxify {name}@") and not fetched.exists()
    other = tmp_path / "other.ckpt"
    other.write_bytes(detoxify_checkpoint.read_bytes() + b" ")
    with pytest.raises(BadData, match="does not match the hash in the name"):
        load_text_scorer("detoxify:original", checkpoint=other)
    with pytest.raises(Missing, match=f"no {name}"):
        load_text_scorer("mean:detoxify:original,builtin:lexicon", checkpoint=tmp_path)
    with pytest.raises(BadSettings, match="none of the scorers is a published one"):
        load_text_scorers(["builtin:lexicon"], checkpoint=other)
