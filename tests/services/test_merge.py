"""``detox merge``: models in, a folder out, or one clear line."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xxhash
from safetensors.numpy import load_file, save_file

from detox_cli.models.checkpoint.header import read_header
from tests.conftest import Outcome
from tests.parity.merges import tensors, write_models

Detox = Callable[..., Outcome]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Folders ``base``, ``m0``, ``m1`` and ``m2``."""
    folder = tmp_path / "models"
    write_models(folder)
    return folder


def weights(folder: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for file in folder.glob("*.safetensors"):
        found |= load_file(file)
    return found


def of_blocks(path: Path) -> str:
    """The hash as documented, here for files whose tensors are one block each."""
    content = path.read_bytes()
    length = 8 + int.from_bytes(content[:8], "little")
    pieces = [content[tensor.start :][: tensor.size] for tensor in read_header(path).values()]
    return xxhash.xxh3_128_hexdigest(content[:length] + b"".join(map(xxhash.xxh3_128_digest, pieces)))


def test_flags_and_the_recipe_that_they_write_give_the_same_model(
    detox: Detox, models: Path, tmp_path: Path
) -> None:
    flags = ("--method", "ties", "--base", models / "base", "--weight", ".5", "--density", ".4")
    (models / "base" / "metrics.jsonl").write_text("{}\n")
    (models / "base" / "sweep").mkdir()
    (models / "base" / "sweep" / "sweep.md").write_text("measured on another model\n")
    first = detox("merge", models / "m0", models / "m1", *flags, "-o", tmp_path / "one", "--json")
    assert first.code == 0, first.err
    result = json.loads(first.out)
    assert result["method"] == "ties" and result["tensors"] == len(tensors(0)) and result["shards"] == 1
    again = detox("merge", "--recipe", tmp_path / "one" / "recipe.yml", "-o", tmp_path / "two", "-q")
    assert again.code == 0, again.err
    one, two = (tmp_path / name / "model.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert not {"metrics.jsonl", "sweep"} & {path.name for path in one.parent.iterdir()}
    manifest = json.loads((tmp_path / "one" / "detox.json").read_text())
    files = manifest["models"][str(models / "base")]["files"]
    (name, record), *others = files.items()
    assert not others and record["xxh3_128_blocks"] == of_blocks(Path(name))
    idle = detox("merge", models / "m0", models / "m1", *flags, "-o", tmp_path / "one", "--json")
    assert "finished already" in idle.err and json.loads(idle.out) == result
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "one", "two"]


def test_shards_have_the_stated_size_and_the_type_that_was_asked_for(
    detox: Detox, models: Path, tmp_path: Path
) -> None:
    words = ("merge", models / "m0", "-o", tmp_path / "out", "--shard-size", "1KB", "--dtype", "float16")
    assert detox(*words).code == 0
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    files = set(index["weight_map"].values())
    assert len(files) > 2 and files == {path.name for path in (tmp_path / "out").glob("*.safetensors")}
    assert json.loads((tmp_path / "out" / "config.json").read_text())["torch_dtype"] == "float16"
    for name, value in weights(tmp_path / "out").items():
        np.testing.assert_array_equal(value, tensors(0)[name].astype(np.float16))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_model_alone_and_a_base_with_nothing_added_keep_every_bit(
    dtype: str, detox: Detox, models: Path, tmp_path: Path
) -> None:
    """Of the same type, with a zero that has a sign."""
    for name in ("base", "m0"):
        content = weights(models / name)
        content["model.norm.weight"][:2] = (-0.0, 1e-30)
        save_file(content, models / name / "model.safetensors")
        assert detox("merge", models / name, "--dtype", dtype, "-o", tmp_path / name).code == 0
    assert detox("merge", tmp_path / "m0", "-o", tmp_path / "copy").code == 0
    vectors = ("--method", "task_arithmetic", "--base", tmp_path / "base", "--weight")
    nothing = ("merge", tmp_path / "m0", tmp_path / "m0", *vectors, "0")
    assert detox(*nothing, "-o", tmp_path / "nothing").code == 0
    for made, wanted in (("copy", "m0"), ("nothing", "base")):
        one, other = (tmp_path / name / "model.safetensors" for name in (made, wanted))
        assert one.read_bytes() == other.read_bytes(), made


def test_rounding_by_chance_keeps_steps_below_the_grid(detox: Detox, models: Path, tmp_path: Path) -> None:
    def step(*words: str) -> float:
        flags = ("--method", "task_arithmetic", "--base", models / "base", "--weight", ".002", *words)
        out = tmp_path / "-".join(("out", *words))
        assert detox("merge", models / "m0", *flags, "--dtype", "float16", "-o", out).code == 0
        base, tuned = tensors(-1), tensors(0)
        made = weights(out)
        found = np.concatenate([(made[n].astype(np.float64) - base[n]).ravel() for n in base])
        wanted = np.concatenate([0.002 * (tuned[n].astype(np.float64) - base[n]).ravel() for n in base])
        return float(found @ wanted / (wanted @ wanted))

    by_chance, nearest = step("--rounding", "stochastic"), step()
    assert abs(by_chance - 1) < 0.2 and nearest < 0.5, (by_chance, nearest)
    wide = detox("merge", models / "m0", "--rounding", "stochastic", "-o", tmp_path / "wide")
    assert "--rounding has no effect" in wide.err
    for name, value in weights(tmp_path / "wide").items():
        np.testing.assert_array_equal(value, tensors(0)[name])


def test_a_killed_merge_goes_on_after_its_last_whole_file(detox: Detox, models: Path, tmp_path: Path) -> None:
    words = ["merge", str(models / "m0"), str(models / "m1"), "--shard-size", "1KB", "--threads", "1"]
    slow = (
        "import time, detox_cli.services.merge.shards as s; old = s.merge_shard\n"
        "s.merge_shard = lambda *a: (time.sleep(.2), old(*a))\n"
        "from detox_cli.__main__ import main; main()"
    )
    process = subprocess.Popen([sys.executable, "-c", slow, *words, "-o", str(tmp_path / "out")])
    journal = tmp_path / "out.journal"
    while not journal.exists() or journal.read_text().count("shard") < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out").exists()
    kept = next((tmp_path / "out.merging").glob("model-00001*"))
    stamp = kept.stat().st_mtime_ns
    assert detox(*words, "-o", tmp_path / "out").code == 0
    assert next((tmp_path / "out").glob("model-00001*")).stat().st_mtime_ns == stamp
    assert detox(*words, "-o", tmp_path / "whole").code == 0
    for path in (tmp_path / "whole").glob("model*"):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "out", "whole"]


def damaged(models: Path, how: str) -> None:
    """Spoil ``m1``."""
    folder = models / "m1"
    file, config = folder / "model.safetensors", json.loads((folder / "config.json").read_text())
    content = weights(folder)
    if how == "nan":
        content["model.norm.weight"][3] = np.nan
        save_file(content, file)
    elif how == "layers":
        save_file({n: v for n, v in content.items() if "layers.1" not in n}, file)
        (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    elif how == "header":
        file.write_bytes(b"\xff" * 8 + file.read_bytes()[8:])
    elif how == "short":
        file.write_bytes(file.read_bytes()[:-100])
    elif how == "nothing but an index":
        file.rename(folder / "weights.elsewhere")
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-1.st"}}))
    elif how == "index":
        file.rename(folder / "model-00001-of-00002.safetensors")
        names = dict.fromkeys(content, "model-00001-of-00002.safetensors")
        names["lm_head.weight"] = "model-00002-of-00002.safetensors"
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("nan", "model.norm.weight holds numbers that are not finite"),
        ("layers", "lacks model.layers.1"),
        ("header", "cut off in its header"),
        ("short", "is cut off: 100 bytes are missing"),
        ("nothing but an index", "names files of weights, and none is there"),
        ("index", "lacks model-00002-of-00002.safetensors, which its index names"),
    ],
)
def test_what_is_wrong_with_a_model_is_one_line_and_leaves_nothing(
    how: str, said: str, detox: Detox, models: Path, tmp_path: Path
) -> None:
    damaged(models, how)
    outcome = detox("merge", models / "m0", models / "m1", "-o", tmp_path / "out", "--shard-size", "1KB")
    assert outcome.code == 3 and said in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


@pytest.mark.parametrize("words", [(), ("--rounding", "stochastic")])
def test_numbers_too_large_for_the_written_type_are_named(
    words: tuple[str, ...], detox: Detox, models: Path, tmp_path: Path
) -> None:
    content = weights(models / "m1")
    content["lm_head.weight"][3, 3] = 1e6
    save_file(content, models / "m1" / "model.safetensors")
    outcome = detox("merge", models / "m1", "--dtype", "float16", *words, "-o", tmp_path / "out")
    assert (
        outcome.code == 3 and "the merged lm_head.weight holds numbers too large for float16" in outcome.err
    )
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_model_of_another_architecture_is_named(
    detox: Detox, models: Path, tiny_gpt2: Path, tmp_path: Path
) -> None:
    outcome = detox("merge", models / "m0", tiny_gpt2, "-o", tmp_path / "out")
    assert outcome.code == 3 and "is of the architecture gpt2" in outcome.err


def test_a_full_disk_is_said_before_anything_is_written(
    detox: Detox, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    outcome = detox("merge", models / "m0", models / "m1", "-o", tmp_path / "out")
    assert outcome.code == 1 and "the disk is full" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_disk_that_fills_up_keeps_whole_files_for_the_next_try(
    detox: Detox, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("merge", models / "m0", models / "m1", "-o", tmp_path / "out", "--shard-size", "1KB")
    allocate, calls = os.posix_fallocate, []

    def third_fails(file: int, start: int, size: int) -> None:
        calls.append(size)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        allocate(file, start, size)

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", third_fails)
        outcome = detox(*words)
    assert outcome.code == 1 and "the disk is full" in outcome.err and not (tmp_path / "out").exists()
    assert len(list((tmp_path / "out.merging").glob("*.safetensors"))) == 2
    assert detox(*words).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "out"]


def test_contradicting_settings_are_refused(detox: Detox, models: Path, tmp_path: Path) -> None:
    both = detox("merge", models / "m0", "--recipe", tmp_path / "r.yml", "-o", tmp_path / "out")
    assert both.code == 2 and "contradict the recipe" in both.err
    counts = detox("merge", models / "m0", "--weight", "1", "--weight", "2", "-o", tmp_path / "out")
    assert counts.code == 2 and "2 values for 1 models" in counts.err
    plain = detox("merge", models / "m0", "--method", "ties", "-o", tmp_path / "out")
    assert plain.code == 2 and "counts from a base" in plain.err and "--base MODEL" in plain.err
    halfway = detox("merge", models / "m0", models / "m1", "--method", "slerp", "-o", tmp_path / "out")
    assert halfway.code == 2 and "give --t" in halfway.err
    idle = ("merge", models / "m0", models / "m1", "-o", tmp_path / "out", "--scale", "2", "--density", "0.5")
    refused = detox(*idle)
    assert refused.code == 2 and "--density, --scale would make no difference to linear" in refused.err


def test_the_plan_lists_tensors_and_files_and_writes_nothing(
    detox: Detox, models: Path, tmp_path: Path
) -> None:
    outcome = detox("merge", models / "m0", models / "m1", "-o", tmp_path / "out", "--dry-run", "--json")
    assert outcome.code == 0, outcome.err
    plan = json.loads(outcome.out)
    assert len(plan["tensors"]) == len(tensors(0)) and plan["shards"][0][0] == "model.safetensors"
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
