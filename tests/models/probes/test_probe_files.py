"""A probe on the disk: as it was saved, as it was published, and as it must not be."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from detox_cli.errors import BadData
from detox_cli.models.probes.files import read_probe, save_probe, sidecar
from detox_cli.models.probes.probe import LinearProbe, ProbeSite

RANDOM = np.random.default_rng(0)


def _probe(width: int = 8) -> LinearProbe:
    site = ProbeSite("builtin:lm", None, "abc", 4, 2, False, "mean")
    return LinearProbe(
        RANDOM.normal(size=width),
        0.25,
        site,
        mean=RANDOM.normal(size=width),
        scale=RANDOM.uniform(1, 2, size=width),
        figures={"auroc": 0.9},
    )


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    probe = _probe()
    files = save_probe(tmp_path / "probe.safetensors", probe)
    assert [path.name for path in files] == ["probe.safetensors", "probe.json"]
    before = [path.read_bytes() for path in files]
    for place in (tmp_path, files[0]):
        found = read_probe(place)
        assert found.site == probe.site and found.figures == probe.figures and found.bias == 0.25
        for part in ("direction", "mean", "scale"):
            np.testing.assert_array_equal(getattr(found, part), getattr(probe, part))
    save_probe(files[0], read_probe(files[0]))
    assert [path.read_bytes() for path in files] == before


def test_a_published_probe_is_read_without_running_it(tmp_path: Path) -> None:
    linear = torch.nn.Linear(16, 1, bias=False)
    torch.save(linear, tmp_path / "english-probe.pt")
    torch.save(linear.state_dict(), tmp_path / "state.pt")
    torch.save(linear.weight.data[0], tmp_path / "vector.pt")
    states = RANDOM.normal(size=(3, 16))
    wanted = linear(torch.from_numpy(states).float()).detach().numpy()[:, 0]
    for name in ("english-probe.pt", "state.pt", "vector.pt"):
        probe = read_probe(tmp_path / name)
        assert probe.site.after_norm and probe.bias == 0
        np.testing.assert_allclose(probe.scores(states), wanted, rtol=1e-5)


def test_a_probe_of_two_classes_is_the_difference_of_its_rows(tmp_path: Path) -> None:
    linear = torch.nn.Linear(16, 2)
    torch.save(linear, tmp_path / "softmax.pt")
    states = torch.randn(3, 16)
    wanted = linear(states).softmax(-1)[:, 1].detach().numpy()
    scores = read_probe(tmp_path / "softmax.pt").scores(states.numpy())
    np.testing.assert_allclose(1 / (1 + np.exp(-scores)), wanted, rtol=1e-5)


class _Evil:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("ran"),))


def test_a_pickle_that_would_run_something_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(_Evil(), tmp_path / "zip.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(_Evil()))
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 1)), tmp_path / "other.pt")
    for name in ("zip.pt", "bare.pt", "other.pt"):
        with pytest.raises(BadData, match="nothing of it is read"):
            read_probe(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_another_width_is_one_clear_line() -> None:
    with pytest.raises(BadData, match="the probe is of width 8, the model has width 32"):
        _probe().scores(np.zeros((1, 32)))


@pytest.mark.parametrize("damage", ["no sidecar", "no probe", "text", "method"])
def test_damaged_probes_are_refused_with_their_name(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "probe.safetensors"
    if damage != "no probe":
        save_probe(path, _probe())
    if damage == "no sidecar":
        sidecar(path).unlink()
    if damage == "text":
        path.write_text("no tensors")
    if damage == "method":
        about = sidecar(path).read_text()
        sidecar(path).write_text(about.replace('"method": "logistic"', '"method": "guessed"'))
    with pytest.raises(BadData, match="probe"):
        read_probe(path)


@pytest.mark.parametrize("centred", [False, True])
def test_before_a_norm_the_direction_reads_the_same(centred: bool) -> None:
    probe, gain = _probe(), RANDOM.uniform(0.5, 2, size=8)
    stream = RANDOM.normal(size=(50, 8))
    shifted = stream - stream.mean(1, keepdims=True) if centred else stream
    after = gain * shifted / np.sqrt((shifted**2).mean(1, keepdims=True))
    through = stream @ probe.before_norm(gain, centred)
    read = after @ probe.unit * np.sqrt((shifted**2).mean(1))
    np.testing.assert_allclose(through / np.linalg.norm(through), read / np.linalg.norm(read), atol=1e-12)
