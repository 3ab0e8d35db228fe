"""Probes on a tiny model: what is found, what it is held against, and what must not leak."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from detox_cli.errors import BadData, BadSettings
from detox_cli.models.probes.files import read_probe
from detox_cli.services.eval_calibrate.labels import Labelled
from detox_cli.services.probe_train.published import Recipe, train_published
from detox_cli.services.probe_train.run import run
from detox_cli.services.probe_train.splitting import split
from detox_cli.settings.probe_train import ProbeTrainSettings
from tests.conftest import Outcome
from tests.recorder import Recorder

WORDS = ("train", "page", "time", "weather", "answer", "second", "meaning", "polite", "read", "today")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Texts in two languages; those with a certain phrase have the label."""
    generator = np.random.default_rng(0)
    rows = []
    for number in range(240):
        toxic = number % 3 == 0
        words = [*generator.choice(WORDS, 6), *(["silly", "useless", "comment"] if toxic else ["lovely"] * 3)]
        text = " ".join(generator.permutation(words))
        rows.append({"text": text, "toxic": int(toxic), "lang": "en" if number % 2 else "xx"})
    path = tmp_path / "comments.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _settings(model: Path, data: Path, **more: Any) -> ProbeTrainSettings:
    given = {"model": str(model), "data": (str(data),), "output": data.parent / "probe", "device": "cpu"}
    return ProbeTrainSettings(**{**given, "controls": 3, "resamples": 100, "l2": "0.1,0.01", **more})


def test_a_probe_finds_what_is_there_and_its_controls_do_not(tiny_causal: Path, data: Path) -> None:
    recorder = Recorder()
    result = run(_settings(tiny_causal, data), recorder)
    assert result.best.natural.auroc.low > 0.9 and result.best.balanced.auroc.n == 32
    assert result.shuffled is not None and result.shuffled.mean.high < 0.75
    assert [one.place for one in result.layers] == ["embedding", "0", "1", "final"]
    assert {(one.trained, one.tested) for one in result.transfers} == {
        (a, b) for a in ("all", "en", "xx") for b in ("en", "xx")
    }
    folder = data.parent / "probe"
    probe = read_probe(folder)
    assert probe.site.place == read_probe(folder / result.best.file).site.place and probe.width == 32
    table = json.loads((folder / "layers.json").read_text())
    assert [row["mean"] for row in table if row["metric"] == "auroc" and row["texts"] == "natural"] == [
        one.natural.auroc.mean for one in result.layers
    ]
    assert {path.suffix for path in folder.glob("transfer.*")} == {".csv", ".json", ".png", ".svg"}
    assert not (data.parent / "probe.features").exists()
    assert run(_settings(tiny_causal, data), recorder) == result
    assert any("finished already" in line for line in recorder.warnings)


def test_the_saved_probe_gives_the_scores_that_are_told(tiny_gpt2: Path, data: Path) -> None:
    from detox_cli.models.loading import load_causal
    from detox_cli.models.sources import find_model

    run(_settings(tiny_gpt2, data, layers="final", controls=0, features_dtype="float32"))
    loaded = load_causal(find_model(str(tiny_gpt2)), "cpu")
    probe = read_probe(data.parent / "probe")
    row = json.loads((data.parent / "probe" / "rows.jsonl").read_text().splitlines()[7])
    text = json.loads(data.read_text().splitlines()[7])["text"]
    with torch.no_grad():
        ids = loaded.tokenizer(text, return_tensors="pt").input_ids
        states = loaded.model(ids, output_hidden_states=True).hidden_states[-1][0].mean(0)
    assert probe.scores(states.numpy()[None])[0] == pytest.approx(row["score"], abs=1e-4)


def test_a_killed_reading_goes_on_and_ends_in_the_same_bytes(
    tiny_causal: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detox_cli.models.activations.pooled import pooled_states
    from detox_cli.services.probe import features

    def stops(*args: Any, **kwargs: Any) -> Any:
        for count, states in enumerate(pooled_states(*args, **kwargs)):
            if count == 5:  # after the sample by which the files begin
                raise KeyboardInterrupt
            yield states

    settings = _settings(tiny_causal, data, batch_tokens=256)
    monkeypatch.setattr(features, "SAMPLE", 20)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(features, "pooled_states", stops)
        run(settings)
    journal = (data.parent / "probe.features" / "reading.journal").read_text().splitlines()
    assert len(journal) > 2
    recorder = Recorder()
    run(settings, recorder)
    whole = run(settings.model_copy(update={"output": data.parent / "whole"}))
    files = ("probe.safetensors", "probe.json", "rows.jsonl", "summary.json", "layers.svg", "layers.csv")
    for name in files:
        assert (data.parent / "probe" / name).read_bytes() == (whole.files[0] / name).read_bytes()


def test_kept_states_serve_other_runs_and_those_of_others_are_not_touched(
    tiny_causal: Path, data: Path
) -> None:
    from detox_cli.services.probe import features

    kept = data.parent / "states"
    first = run(_settings(tiny_causal, data, features=kept, controls=0, layers="1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "load_causal", None)  # nothing is to be loaded
        other = {"features": kept, "controls": 0, "layers": "1", "output": data.parent / "other"}
        again = run(_settings(tiny_causal, data, **other, method="mean-difference"))
    assert again.texts == first.texts and again.method == "mean-difference"
    with pytest.raises(BadSettings, match="of other texts, another model or another reading"):
        run(_settings(tiny_causal, data, **{**other, "pooling": "last", "output": data.parent / "third"}))
    foreign = data.parent / "mine"
    (foreign / "notes").mkdir(parents=True)
    with pytest.raises(BadSettings, match="no hidden states"):
        run(_settings(tiny_causal, data, features=foreign, overwrite=True))
    assert (foreign / "notes").exists()


def test_the_published_recipe_is_that_of_a_plain_loop() -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(101, 8)).astype(np.float32)
    y = x @ generator.normal(size=8) > 0.5
    train, held = slice(0, 81), slice(81, None)
    recipe = Recipe(epochs=6, batch_size=10, learning_rate=1e-2, seed=5)
    found = train_published(x[train], y[train], x[held], y[held], recipe)

    order = torch.Generator().manual_seed(5)
    probe = torch.nn.Linear(8, 1, bias=False)
    with torch.no_grad():
        probe.weight.uniform_(-(8**-0.5), 8**-0.5, generator=order)
    parts = [
        TensorDataset(torch.from_numpy(x[part]), torch.from_numpy(y[part]).float()) for part in (train, held)
    ]
    optimizer, best, losses = torch.optim.Adam(probe.parameters(), lr=1e-2), None, []
    for _ in range(6):
        for batch in torch.randperm(81, generator=order).split(10):
            states, labels = parts[0][batch]
            loss = torch.nn.BCELoss()(torch.sigmoid(probe(states)[:, 0]), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for states, labels in DataLoader(parts[1], batch_size=20):
            losses.append(torch.nn.BCELoss()(torch.sigmoid(probe(states)[:, 0]), labels).item())
        if losses[-1] == min(losses):
            best = probe.weight[0].detach().clone().numpy()
    np.testing.assert_allclose(found.losses, losses, rtol=1e-5)
    np.testing.assert_allclose(found.weights, best, rtol=1e-4)
    assert found.losses[0] > found.losses[-1]


@pytest.mark.parametrize("method", ["mean-difference", "lda", "published"])
def test_every_method_gives_a_probe_of_the_states(tiny_causal: Path, data: Path, method: str) -> None:
    result = run(_settings(tiny_causal, data, method=method, layers="1", controls=1, learning_rate=1e-2))
    assert result.best.natural.auroc.mean > 0.8
    assert read_probe(data.parent / "probe").bias == 0 or method != "published"


def _row(number: int, text: str, lang: str, toxic: bool, parallel: str | None = None) -> Labelled:
    return Labelled(f"f/{number}", text, lang, toxic, f"f:{number}", parallel=parallel)


def test_copies_and_translations_are_in_one_part_and_labels_in_all() -> None:
    rows = [_row(i, f"text {i // 2}{'!' * (i % 2)}", "en", i % 6 < 2) for i in range(300)]
    rows += [_row(300 + i, f"oversat {i}", "da", i % 3 == 0, f"s{i}") for i in range(90)]
    rows += [_row(390 + i, f"text {i}", "en", i % 3 == 0, f"s{i}") for i in range(90)]
    parts = split(rows, np.zeros(len(rows), dtype=bool), 0.2, 0.1, seed=1)
    names = np.where(parts.train, 0, np.where(parts.validation, 1, 2))
    assert parts.dropped == 0
    for i in range(90):
        assert names[300 + i] == names[390 + i] == names[2 * i] == names[2 * i + 1]
    toxic = np.array([row.toxic for row in rows])
    for part in (parts.train, parts.validation, parts.test):
        assert abs(toxic[part].mean() - toxic.mean()) < 0.1
    shuffled = np.random.default_rng(0).permutation(300)
    again = split([rows[i] for i in shuffled], np.zeros(300, dtype=bool), 0.2, 0.1, seed=1)
    alone = split(rows[:300], np.zeros(300, dtype=bool), 0.2, 0.1, seed=1)
    assert (again.test == alone.test[shuffled]).all()


def test_what_the_users_test_texts_share_with_the_rest_is_not_trained_on() -> None:
    rows = [_row(i, f"text {i}", "en", i % 2 == 0) for i in range(100)] + [_row(100, "Text 7.", "en", False)]
    tested = np.array([False] * 100 + [True])
    parts = split(rows, tested, 0.2, 0.1, seed=0)
    assert parts.dropped == 1 and parts.test.sum() == 1 and not parts.train[7] and not parts.validation[7]


BAD: Sequence[tuple[dict[str, Any], type[Exception], str]] = [
    ({"layers": "7"}, BadSettings, "no place '7'"),
    ({"label_column": "lang"}, BadData, "no labelled text"),
    ({"languages": ("de",)}, BadData, "0 texts are toxic"),
    ({"test_share": 0.98}, BadData, "has one label only"),
]


@pytest.mark.parametrize(("given", "kind", "words"), BAD)
def test_bad_input_is_one_line(
    tiny_causal: Path, data: Path, given: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        run(_settings(tiny_causal, data, **given))
    assert not (data.parent / "probe").exists() and not (data.parent / "probe.features").exists()


def test_the_command_prints_the_chosen_probe(
    detox: Callable[..., Outcome], tiny_causal: Path, data: Path
) -> None:
    words = ["--layers", "0,final", "--controls", "1", "--resamples", "50", "--device", "cpu", "--quiet"]
    out = detox("probe", "train", tiny_causal, "--data", data, "-o", data.parent / "probe", *words)
    assert out.code == 0 and out.out.split("\t")[1] == "AUROC"
