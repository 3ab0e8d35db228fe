"""The wheel holds what an installed ``detox`` needs."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = (
    "share/bash-completion/completions/detox",
    "share/zsh/site-functions/_detox",
    "share/fish/vendor_completions.d/detox.fish",
    "share/man/man1/detox.1",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout."""
    builders = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(builders.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


def test_the_wheel_holds_everything(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.stat().st_size < 40e6
    profiles = {f"detox_cli/profiles/{path.name}" for path in (ROOT / "profiles").glob("*.toml")}
    profiles |= {
        f"detox_cli/profiles/accelerate/{path.name}" for path in (ROOT / "profiles/accelerate").iterdir()
    }
    bundled = {
        str(path.relative_to(ROOT)) for path in (ROOT / "detox_cli" / "miniatures").glob("*/*.safetensors")
    }
    assert profiles | bundled | {"detox_cli/py.typed"} <= names
    assert not [path for path in SHARED if not any(name.endswith(f".data/data/{path}") for name in names)]
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_an_installed_detox_finds_its_profiles(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    words = [sys.executable, "-m", "detox_cli", "profile", "list", "--json"]
    run = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)["profiles"]
    assert found["offline"] == str(tmp_path / "site" / "detox_cli" / "profiles" / "offline.toml")
