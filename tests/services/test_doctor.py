"""What ``detox doctor`` finds when a part is broken, and that it never shows a secret."""

import json
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants
from packaging.requirements import Requirement

from detox_cli.completion.places import install_path
from detox_cli.errors import ExitCode
from detox_cli.models import sources
from detox_cli.services.doctor import bundle, hub, machine, software
from detox_cli.services.doctor.check import Check
from detox_cli.services.doctor.run import Diagnosis, run
from detox_cli.settings.doctor import DoctorSettings
from tests.recorder import Recorder

GIB = 1024**3


def test_every_part_is_looked_at_and_each_problem_has_advice() -> None:
    progress = Recorder()
    found = run(DoctorSettings(), progress)
    assert {check.part for check in found.checks} == {"software", "machine", "hub", "bundle"}
    assert {"detox", "python", "torch", "transformers", "cpu", "memory", "connection"} <= {
        check.name for check in found.checks
    }
    assert all(check.advice for check in found.checks if check.state == "broken")
    assert json.loads(found.model_dump_json())["checks"][0]["name"] == "detox"
    assert sum(len(table.rows) for table in found.tables()) == len(found.checks)


def test_notes_are_no_problem_and_a_broken_part_is() -> None:
    note = Check(part="hub", name="token", state="note", found="none")
    broken = Check(
        part="software", name="trl", state="broken", found="not installed", advice="pip install trl"
    )
    assert Diagnosis(checks=[note]).problem() is None
    assert Diagnosis(checks=[note]).headline() == "ok"
    problem = Diagnosis(checks=[note, broken]).problem()
    assert problem is not None
    assert problem.exit_code == ExitCode.MISSING
    assert "trl" in str(problem)
    assert problem.hint == "pip install trl"


def test_a_package_that_is_missing_spoils_one_part_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detox_cli.services.doctor.hub", None)
    found = run(DoctorSettings())
    [hub] = [check for check in found.checks if check.part == "hub"]
    assert hub.state == "broken"
    assert {check.part for check in found.checks} == {"software", "machine", "hub", "bundle"}


def test_what_is_broken_is_mended_first() -> None:
    better = Check(part="hub", name="connection", state="note", found="", advice="go offline")
    broken = Check(part="bundle", name="profiles", state="broken", found="", advice="reinstall")
    assert Diagnosis(checks=[better, broken, broken]).next_steps() == ["reinstall", "go offline"]


@pytest.mark.parametrize(
    ("need", "state", "said"),
    [
        ("typer>=0.1", "ok", ""),
        ("typer>=99", "broken", ">=99 is needed"),
        ("no-such-package>=1", "broken", "not installed"),
    ],
)
def test_packages_are_held_against_what_is_needed(need: str, state: str, said: str) -> None:
    check = software._needed(Requirement(need))
    assert check.state == state
    assert said in check.found


def test_an_extra_that_is_not_there_is_a_note_that_says_how_to_get_it() -> None:
    needed = [Requirement("no-such-package>=1; extra == 'ray'"), Requirement("typer>=0.1")]
    check = software._extra("ray", needed)
    assert (check.state, check.advice) == ("note", "")
    assert "pip install 'detox-cli[ray]'" in check.found


def test_another_build_of_an_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "packages_distributions", lambda: {"vllm": ["typer"]})
    check = software._extra("vllm", [Requirement("vllm>=1; extra == 'vllm'")])
    assert check.state == "note" and check.found.startswith("typer ")
    assert check.found.endswith("in its place")


def test_an_extra_of_the_wrong_version_is_broken() -> None:
    check = software._extra("ray", [Requirement("typer>=99; extra == 'ray'")])
    assert check.state == "broken"
    assert "typer>=99" in check.found


def test_token_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    found = run(DoctorSettings())
    assert next(check for check in found.checks if check.name == "token").state == "ok"
    assert "hf_secret" not in found.model_dump_json() + str(found.tables())


def test_offline_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("a session was asked for")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "get_session", refuse)
    assert "offline, as asked" in hub._connection(1.0).found


def test_a_hub_that_does_not_answer_is_a_note_with_two_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    check = hub._connection(0.5)
    assert check.state == "note"
    assert "local folders" in check.found
    assert "--profile offline" in check.advice


def test_a_cache_that_cannot_be_made_is_broken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = hub._folder("model cache", tmp_path / "file/hub", "", "HF_HOME")
    assert check.state == "broken"
    assert "HF_HOME" in check.advice
    assert hub._folder("model cache", tmp_path / "new/hub", "", "HF_HOME").found.startswith(str(tmp_path))


def test_miniatures_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MINIATURES", tmp_path)
    assert bundle._miniature("builtin:lm").state == "broken"
    folder = tmp_path / "lm"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
    assert "no usable weights" in bundle._miniature("builtin:lm").found
    (folder / "model.safetensors").write_bytes(bytes(1_000_000))
    check = bundle._miniature("builtin:lm")
    assert (check.state, check.found) == ("ok", "LlamaForCausalLM, 1.0 MB")
    (folder / "config.json").write_text("{ not JSON")
    assert bundle._miniature("builtin:lm").state == "broken"


def test_a_profile_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bundle._profiles().state == "ok"
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/mine.toml").write_text("[train")
    check = bundle._profiles()
    assert check.state == "note"
    assert "mine" in check.found


def test_an_old_completion_script_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    script = install_path("bash")
    script.parent.mkdir(parents=True)
    script.write_text("# bash completion for detox 0.0.1. Generated\n")
    check = bundle._completion("bash")
    assert check.state == "note"
    assert check.advice == "detox completion bash --install"


def test_little_memory_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_memory_bytes", lambda: (8 * GIB, GIB))
    check = machine._memory()
    assert (check.state, check.found) == ("note", "1.0 of 8.0 GiB free")
    monkeypatch.setattr(machine, "_memory_bytes", lambda: (8 * GIB, 4 * GIB))
    assert machine._memory().state == "ok"


def test_dtypes_are_tried_not_assumed() -> None:
    assert machine._multiplies("cpu", "float32")
    assert not machine._multiplies("cpu", "int7")
