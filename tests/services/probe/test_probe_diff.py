"""What changed between two models is named where it was changed, and chance is beside it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from detox_cli.errors import BadData
from detox_cli.models.comparison.drift import stable_rank
from detox_cli.models.comparison.shift import layer_shift
from detox_cli.services import pictures
from detox_cli.services.probe_diff.run import run
from detox_cli.settings.probe_diff import ProbeDiffSettings
from tests.services.probe.planted import plant


def settings(planted, folder: Path, **more) -> ProbeDiffSettings:
    given = {"model": str(planted.model), "other": str(planted.tuned), "probe": planted.probe, "top": 3}
    given |= {"prompts": str(planted.prompts), "output": folder / "diff", "max_new_tokens": 4}
    return ProbeDiffSettings(
        **{**given, "random": 20, "resamples": 100, "subspace": 2, "subspace_vectors": 4, **more}
    )


def test_what_was_changed_is_found_in_weights_stream_and_neurons(tiny_gpt2: Path, tmp_path: Path) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    model = AutoModelForCausalLM.from_pretrained(planted.tuned)
    direction = torch.from_numpy(np.random.default_rng(1).standard_normal(32)).float()
    with torch.no_grad():  # a change of rank 1 along the probe, into which all value vectors of a layer move
        unit = direction / direction.norm()
        model.transformer.h[0].mlp.c_proj.weight -= 0.05 * torch.linspace(1, 2, 128)[:, None] * unit
    model.save_pretrained(planted.tuned)
    result = run(settings(planted, tmp_path))
    changed = {row.name: row for row in result.tensors if row.step > 0}
    assert set(changed) == {"transformer.h.0.mlp.c_proj.weight", "transformer.h.1.mlp.c_fc.bias"}
    written = changed["transformer.h.0.mlp.c_proj.weight"]
    assert written.rank == pytest.approx(1, abs=1e-3) and (written.layer, written.kind) == (0, "mlp")
    assert (
        written.probe == pytest.approx(1, abs=1e-3)
        and written.toxic is not None
        and written.by_chance is not None
    )
    assert written.toxic > 0.5 > written.by_chance
    kind = next(row for row in result.kinds if row.kind == "mlp")
    assert kind.changed == 1 and kind.p == pytest.approx(1 / 21)
    last = result.shifts[-1]
    assert last.shift.high < 0 and last.shift.n == 48 and last.p == pytest.approx(1 / 21)
    assert result.activations.groups[0].group == "TP-" and len(result.findings) == 6
    folder = tmp_path / "diff"
    page = (folder / "report.html").read_text()
    assert "What changed from" in page and all(line[:30] in page for line in result.findings)
    for stem in ("tensors", "stream", "neurons/groups"):
        assert {path.suffix for path in folder.glob(f"{stem}.*")} == {".csv", ".json", ".png", ".svg"}
    assert run(settings(planted, tmp_path)) == result


def test_a_model_does_not_differ_from_itself(tiny_gpt2: Path, tmp_path: Path, monkeypatch) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    monkeypatch.setattr(pictures, "can_draw", lambda *_: False)
    result = run(settings(planted, tmp_path, other=str(planted.model)))
    assert result.findings == ["The two models have the same weights."]
    assert all(row.shift.mean == 0 and row.p == 1 for row in result.shifts)
    assert all(row.share is None and row.shift.mean == 0 for row in result.activations.groups)


def test_models_of_another_kind_are_refused(
    tiny_gpt2: Path, tiny_causal: Path, tmp_path: Path, detox
) -> None:
    planted = plant(tiny_gpt2, tmp_path)
    outcome = detox(
        "probe", "diff", planted.model, tiny_causal, "--probe", planted.probe, "-o", tmp_path / "out"
    )
    assert outcome.code == 3 and "of different shapes" in " ".join(outcome.err.split())
    words = tmp_path / "words"
    shutil.copytree(planted.tuned, words)
    text = (words / "tokenizer.json").read_text(encoding="utf-8")
    assert '"<|user|>"' in text
    (words / "tokenizer.json").write_text(text.replace('"<|user|>"', '"<|other|>"'), encoding="utf-8")
    with pytest.raises(BadData, match="have different tokens"):
        run(settings(planted, tmp_path, other=str(words)))


def test_shifts_and_ranks_of_known_matrices() -> None:
    generator = np.random.default_rng(0)
    before, random = generator.standard_normal((40, 8)), generator.standard_normal((50, 8))
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    direction = np.eye(8)[0]
    found = layer_shift(0, before, before - 2 * direction, direction, random, 3)
    deviation = before[:, 0].std()
    assert found.projections == pytest.approx(
        -2 / deviation * np.ones(40)
    ) and found.same_way == pytest.approx(1)
    axes = np.linalg.svd(before - before.mean(0))[2][:3]
    assert found.spread == pytest.approx(np.square(axes[:, 0]).sum())
    assert found.by_chance == pytest.approx(-2 * random[:, 0] / deviation)
    values = torch.tensor([3.0, 2.0, 1.0])
    left = torch.linalg.qr(torch.randn(6, 3, generator=torch.Generator().manual_seed(0)))[0]
    right = torch.linalg.qr(torch.randn(5, 3, generator=torch.Generator().manual_seed(1)))[0]
    assert stable_rank(left @ torch.diag(values) @ right.T) == pytest.approx(14 / 9, rel=1e-4)
