"""``train spans``: marked texts become a detector, whatever happens on the way."""

import json
from pathlib import Path

import pytest
import torch
from transformers import BertConfig

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.loading import load_token_classifier
from detox_cli.models.segment_cnn import SegmentCnn, SegmentCnnConfig, weighted_loss, window_labels
from detox_cli.models.sources import find_model
from detox_cli.output.progress import Silent
from detox_cli.scoring.spans.load import load_span_detector
from detox_cli.services.train_spans.plan import plan
from detox_cli.services.train_spans.run import run
from detox_cli.settings.train_spans import SpansSettings
from tests.tiny_texts import INSULTS, TOPICS


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with their insults marked, a third of them without any."""
    rows = []
    for number, (insult, topic) in enumerate(
        (i, t) for i in (*INSULTS, "good", "long", "old") for t in TOPICS
    ):
        text = f"what a {insult} {topic}" + f" , {insult} as ever" * (number % 3)
        starts = [i for i in range(len(text)) if text.startswith(insult, i)] if insult in INSULTS else []
        rows.append({"text": text, "spans": [[start, start + len(insult)] for start in starts]})
    path = tmp_path_factory.mktemp("posts") / "posts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def one_word(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A list that knows a single insult."""
    path = tmp_path_factory.mktemp("list") / "one.txt"
    path.write_text("stupid\n")
    return f"lexicon:{path}"


def quick(data: Path, output: Path, model: Path | str, **changes: object) -> SpansSettings:
    given = {
        "data": (str(data),),
        "output": output,
        "model": str(model),
        "epochs": 3,
        "min_steps": 30,
        "learning_rate": 5e-3,
        "batch_size": 8,
        "eval_share": 0.2,
        "test_share": 0.2,
        "max_length": 24,
        "precision": "float32",
        "device": "cpu",
    }
    return SpansSettings(**{**given, **changes})


def test_marked_texts_become_a_detector(posts, one_word, tiny_classifier, tmp_path, recorder):
    wanted = quick(posts, tmp_path / "detector", tiny_classifier, baseline=(one_word,))
    result = run(wanted, recorder)
    f1 = result.quality["model"]["f1"]
    assert f1.low > result.quality[one_word]["f1"].high and result.ahead[one_word].low > 0
    assert f1.n == result.rows["test"] and result.rows["test, with a span"] > 5
    sides = [json.loads(line) for line in (wanted.output / "split.jsonl").read_text().splitlines()]
    assert len({one["text_sha256"] for one in sides}) == len(sides) == 90
    assert {one["side"] for one in sides} == {"training", "validation", "test"}
    card = (wanted.output / "README.md").read_text()
    assert "character f1" in card and one_word in card

    detector = load_span_detector(str(wanted.output), device="cpu")
    assert detector.threshold == result.threshold
    text = "what a good train " * 20 + "and a stupid, useless game"
    (found,) = detector.detect([text])
    assert [text[s.start : s.end] for s in found] == ["stupid", "useless"], "beyond the first window"
    assert max(span.score for span in found) <= 1

    before = {file: file.stat().st_mtime_ns for file in wanted.output.iterdir()}
    assert run(wanted).quality == result.quality
    assert before == {file: file.stat().st_mtime_ns for file in wanted.output.iterdir()}
    with pytest.raises(BadSettings, match="another run"):
        run(wanted.model_copy(update={"toxic_weight": 2.0}))


class Stopped(BaseException):
    """What a killed process does not get to say."""


class StopsAt(Silent):
    """Stops the run at a step."""

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        if name == "loss" and step is not None and step >= 17:
            raise Stopped


@pytest.mark.parametrize("head", ["tokens", "segment-cnn"])
def test_a_killed_training_ends_like_one_that_was_not(head, posts, tiny_classifier, tmp_path):
    whole = quick(posts, tmp_path / "whole", tiny_classifier, head=head, eval_every=0.5, patience=0)
    killed = whole.model_copy(update={"output": tmp_path / "killed"})
    first = run(whole)
    with pytest.raises(Stopped):
        run(killed, StopsAt())
    assert not killed.output.exists() and any((tmp_path / "killed.training").glob("checkpoint-*"))
    assert run(killed).quality == first.quality
    for name in ("model.safetensors", "config.json", "metrics.jsonl", "split.jsonl", "tokenizer.json"):
        assert (killed.output / name).read_bytes() == (whole.output / name).read_bytes(), name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]
    assert first.quality["model"]["f1"].low > 0.3


def test_seeds_share_their_texts_and_the_best_stands_in_the_output(posts, tiny_classifier, tmp_path):
    wanted = quick(posts, tmp_path / "seeds", tiny_classifier, seeds=(0, 1), min_steps=12, split_seed=0)
    result = run(wanted)
    assert [run.seed for run in result.seeds] == [0, 1]
    assert result.seeds[0].result.rows == result.seeds[1].result.rows
    best = wanted.output / f"seed-{result.best}" / "model.safetensors"
    assert (wanted.output / "model.safetensors").read_bytes() == best.read_bytes()
    assert result.over_seeds["f1"].n == 2


def small_cnn(**changes: object) -> SegmentCnn:
    torch.manual_seed(0)
    encoder = BertConfig(
        vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    return SegmentCnn(SegmentCnnConfig(encoder.to_dict(), **changes)).eval()


def test_the_published_convolution_has_three_numbers_for_all_channels():
    model = small_cnn(window=2, convolution="shared")
    assert sum(p.numel() for p in model.convolution.parameters()) == 3
    ids, mask = torch.tensor([[5, 6, 7, 8]]), torch.ones(1, 4, dtype=torch.long)
    with torch.inference_mode():
        states = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        (first, second), bias = model.convolution.weight[0, 0], model.convolution.bias
        by_hand = model.span_classifier(torch.tanh(first * states[:, :-1] + second * states[:, 1:] + bias))
        assert torch.allclose(model(ids, mask).logits[:, :-1], by_hand, atol=1e-6)


def test_windows_and_tokens_tell_each_other():
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    tokens = torch.tensor([[0, 0, 1, 0, 0, 0], [0, 0, 1, 1, 0, 0]])
    windows = window_labels(tokens, mask, 2)
    assert windows.tolist() == [[0, 1, 1, 0, 0, 0], [0, 1, 1, 1, -100, -100]]
    logits = torch.stack([torch.zeros(2, 6), torch.where(windows == 1, 9.0, -9.0)], dim=-1)
    read = small_cnn(reading="all").token_chances(logits, mask)[..., 1] > 0.5
    assert (read.long() * mask).tolist() == tokens.tolist()
    wide = small_cnn(reading="any").token_chances(logits, mask)[..., 1] > 0.5
    assert (wide.long() * mask).tolist() == [[0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 0, 0]]


def test_toxic_windows_weigh_more_in_a_mean_over_all():
    logits = torch.tensor([[[2.0, 0.0], [0.0, 0.0], [5.0, 5.0]]])
    labels = torch.tensor([[0, 1, -100]])
    nats = torch.log(1 + torch.exp(torch.tensor(-2.0))), torch.log(torch.tensor(2.0))
    assert weighted_loss(logits, labels, 2.0).item() == pytest.approx(float(nats[0] + 2 * nats[1]) / 2)


@pytest.mark.parametrize(
    ("changes", "error", "reason"),
    [
        ({"eval_share": 0}, BadSettings, "no texts are held out"),
        ({"window": 3}, BadSettings, "--head segment-cnn"),
        ({"baseline": ("perspective",)}, BadSettings, "whole sentences"),
        ({"data": ()}, BadSettings, "nothing to train on"),
        ({"spans_column": "text"}, BadData, "is no list"),
        ({"span_types": ("Threat",)}, BadData, "none of .* texts to train on has a span"),
        ({"model": "builtin:bart"}, BadSettings, "encoder-decoder"),
        ({"max_length": 2}, BadSettings, "no room for text"),
    ],
)
def test_what_cannot_work_is_said_at_once(changes, error, reason, posts, tiny_classifier, tmp_path):
    with pytest.raises(error, match=reason):
        run(quick(posts, tmp_path / "out", tiny_classifier).model_copy(update=changes))
    assert not (tmp_path / "out").exists()


def test_texts_that_all_have_spans_are_warned_of(posts, tiny_classifier, tmp_path, recorder):
    marked = tmp_path / "marked.jsonl"
    rows = [line for line in posts.read_text().splitlines() if '"spans": []' not in line]
    marked.write_text("\n".join(rows))
    plan(quick(marked, tmp_path / "out", tiny_classifier), recorder)
    assert "100% of the texts to train on have a span" in " ".join(recorder.warnings)


def test_nothing_marked_and_a_slow_tokenizer_are_refused(tiny_classifier, posts, tmp_path, monkeypatch):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("".join(json.dumps({"text": f"text {n}", "spans": []}) + "\n" for n in range(30)))
    with pytest.raises(BadData, match="has a span"):
        run(quick(empty, tmp_path / "out", tiny_classifier))
    from transformers import PreTrainedTokenizerFast

    monkeypatch.setattr(PreTrainedTokenizerFast, "is_fast", False)
    with pytest.raises(BadSettings, match="slow one"):
        plan(quick(posts, tmp_path / "out", tiny_classifier), Silent())


def test_a_plan_counts_without_training(posts, tiny_classifier, tmp_path):
    planned = plan(quick(posts, tmp_path / "out", tiny_classifier, seeds=(0, 1)), Silent())
    assert planned.trainings == 2 and planned.steps >= 30
    assert planned.rows["training"] + planned.rows["validation"] + planned.rows["test"] == 90
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_windows_loads_like_any_token_classifier(posts, tiny_classifier, tmp_path):
    wanted = quick(
        posts, tmp_path / "cnn", tiny_classifier, head="segment-cnn", window=3, min_steps=2, epochs=1
    )
    run(wanted)
    loaded = load_token_classifier(find_model(str(wanted.output)), "cpu")
    assert isinstance(loaded.model, SegmentCnn) and loaded.model.config.window == 3
