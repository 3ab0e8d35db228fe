"""What a tuned model has learnt, as an adapter for its base."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from detox_cli.models.merging.low_rank import LowRank, low_rank
from tests.conftest import Outcome

Detox = Callable[..., Outcome]


def test_a_matrix_is_written_as_well_as_its_rank_allows() -> None:
    random = np.random.default_rng(0)
    sides = [np.linalg.qr(random.standard_normal((size, 90)))[0] for size in (120, 100)]
    values = 0.8 ** np.arange(90)
    matrix = (sides[0] * values @ sides[1].T).astype(np.float32)
    made = low_rank(matrix, 8, "matrix")
    best = np.sqrt((values[8:] ** 2).sum() / (values**2).sum())
    assert abs(made.error - best) < 1e-3 * best
    left = np.linalg.norm(matrix - made.left @ made.right) / np.linalg.norm(matrix)
    assert abs(left - made.error) < 1e-5
    assert low_rank(matrix, 8, "matrix").left.tobytes() == made.left.tobytes()
    assert low_rank(matrix, 200, "matrix").error < 1e-6


def tuned_from(base: Path, folder: Path, rank: int, keep: str) -> Path:
    """The base with matrices changed by products of a rank, and vectors called ``keep`` as well."""
    folder.mkdir()
    for file in base.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    random, content = np.random.default_rng(1), load_file(base / "model.safetensors")
    for name, value in content.items():
        if value.ndim == 2 and ("layers." in name or ".h." in name):
            left, right = (random.standard_normal((size, rank)) for size in value.shape)
            content[name] = value + (0.02 * left @ right.T).astype(np.float32)
        elif keep in name:
            content[name] = value + np.float32(0.01)
    save_file(content, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("kind", ["tiny_causal", "tiny_gpt2"])
def test_extracted_and_folded_again_it_is_the_tuned_model(
    kind: str, detox: Detox, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base = request.getfixturevalue(kind)
    tuned = tuned_from(base, tmp_path / "tuned", 3, "nothing")
    words = ("merge", tuned, "--base", base, "--extract", "3", "-o", tmp_path / "adapter")
    made = detox(*words, "--json")
    assert made.code == 0, made.err
    result = json.loads(made.out)
    assert not result["left_out"] and max(one["error"] for one in result["matrices"]) < 1e-5
    folded = detox(
        "merge", base, "--adapter", tmp_path / "adapter", "-o", tmp_path / "folded"
    )  # compares logits
    assert folded.code == 0, folded.err
    again, wanted = (load_file(tmp_path / name / "model.safetensors") for name in ("folded", "tuned"))
    for name, value in wanted.items():
        np.testing.assert_allclose(again[name], value, atol=2e-6, err_msg=name)
    assert "finished already" in detox(*words).err


def test_a_killed_extraction_goes_on_after_its_last_tensor(
    detox: Detox, tiny_causal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned = tuned_from(tiny_causal, tmp_path / "tuned", 3, "model.norm.weight")
    words = ("merge", tuned, "--base", tiny_causal, "--extract", "2", "-q", "-o")
    assert detox(*words, tmp_path / "whole").code == 0
    made: list[str] = []

    def counted(matrix: np.ndarray, rank: int, tensor: str) -> LowRank:
        made.append(tensor)
        if len(made) == 4:
            raise KeyboardInterrupt
        return low_rank(matrix, rank, tensor)

    monkeypatch.setattr("detox_cli.services.merge.factors.low_rank", counted)
    assert detox(*words, tmp_path / "out").code == 130 and not (tmp_path / "out").exists()
    assert len(list((tmp_path / "out.merging").iterdir())) == 3
    assert detox(*words, tmp_path / "out").code == 0
    assert made[3] == made[4] and len(set(made)) == len(made) - 1  # the one that was cut short, and no other
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tuned", "whole"]


def test_what_an_adapter_cannot_hold_is_named(detox: Detox, tiny_causal: Path, tmp_path: Path) -> None:
    tuned = tuned_from(tiny_causal, tmp_path / "tuned", 6, "model.norm.weight")
    outcome = detox("merge", tuned, "--base", tiny_causal, "--extract", "2", "-o", tmp_path / "out", "--json")
    assert outcome.code == 0 and "model.norm.weight differs" in outcome.err
    result = json.loads(outcome.out)
    assert [one["tensor"] for one in result["left_out"]] == ["model.norm.weight"]
    assert all(0.3 < one["error"] < 1 for one in result["matrices"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("MODEL",), 2, "difference of one model from its base"),
        (("MODEL", "--base", "MODEL"), 3, "no matrix of its layers differs"),
        (("MODEL", "--base", "MODEL", "--density", ".5"), 2, "--density has no part in it"),
    ],
)
def test_what_cannot_be_extracted_is_one_line(
    words: tuple[str, ...], code: int, said: str, detox: Detox, tiny_causal: Path, tmp_path: Path
) -> None:
    named = [str(tiny_causal) if word == "MODEL" else word for word in words]
    outcome = detox("merge", *named, "--extract", "2", "-o", tmp_path / "out")
    assert outcome.code == code and said in outcome.err, outcome.err
    assert not list(tmp_path.iterdir())
