"""``detox completion`` prints or installs, and never touches a start-up file."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detox_cli.app import app
from detox_cli.completion.install import completion
from detox_cli.completion.places import SHELLS, install_path, installed_script, man_path
from detox_cli.errors import BadSettings, DetoxError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("shell", SHELLS)
def test_print_is_the_committed_script(shell: str) -> None:
    done = CliRunner().invoke(app, ["completion", shell])
    assert done.exit_code == 0
    assert done.stdout == completion(shell, install=False).script
    assert "detox" in done.stdout.splitlines()[0 if shell != "zsh" else 1]


@pytest.mark.parametrize("shell", SHELLS)
def test_install_writes_the_script_and_the_page(shell: str, home: Path) -> None:
    done = CliRunner().invoke(app, ["completion", shell, "--install"])
    assert done.exit_code == 0, done.output
    written = {path for path in home.rglob("*") if path.is_file()}
    assert written == {install_path(shell), man_path()}
    assert installed_script(shell) == install_path(shell)
    assert install_path(shell).read_text() == completion(shell).script


def test_install_says_what_it_did_and_is_taken_back(home: Path) -> None:
    def changes(flag: str) -> list[str]:
        done = CliRunner().invoke(app, ["completion", "fish", flag, "--json"])
        return [what for _, what in json.loads(done.stdout)["changes"]]

    assert changes("--install") == ["written", "written"]
    assert changes("--install") == ["there already", "there already"]
    with install_path("fish").open("a") as file:
        file.write("# older\n")
    assert changes("--install") == ["renewed", "there already"]
    assert changes("--uninstall") == ["removed", "removed"]
    assert changes("--uninstall") == ["was not there", "was not there"]
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_a_file_of_somebody_else_is_left_alone(home: Path) -> None:
    install_path("fish").parent.mkdir(parents=True)
    install_path("fish").write_text("# mine\n")
    for asked in ({"install": True}, {"uninstall": True}):
        with pytest.raises(DetoxError, match="not written by detox"):
            completion("fish", **asked)
    assert install_path("fish").read_text() == "# mine\n"


def test_man_finds_the_installed_page(home: Path) -> None:
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    completion("fish", install=True)
    words = ["man", "-M", str(home / ".local/share/man"), "-w", "detox"]
    done = subprocess.run(words, capture_output=True, text=True)
    if "minimized" in done.stdout:
        pytest.skip("man of a slimmed container only says so")
    assert done.stdout.strip() == str(man_path()), done.stderr


def test_bash_finds_the_installed_script_by_itself(home: Path) -> None:
    loader = Path("/usr/share/bash-completion/bash_completion")
    if not shutil.which("bash") or not loader.is_file():
        pytest.skip("bash with the bash-completion package is not installed")
    completion("bash", install=True)
    line = f". {loader}; _completion_loader detox; complete -p detox"
    done = subprocess.run(["bash", "--norc", "-c", line], capture_output=True, text=True)
    assert done.stdout == "complete -F _detox detox\n", done.stderr


def test_fish_finds_the_installed_script_by_itself(home: Path) -> None:
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    completion("fish", install=True)
    # fish looks for completions only of programs that it can find.
    program = home / "bin/detox"
    program.parent.mkdir()
    program.touch(0o755)
    line = "set -gp PATH ~/bin; complete -C 'detox completion zs'"
    done = subprocess.run(["fish", "-c", line], capture_output=True, text=True)
    assert done.stdout.split("\t")[0].strip() == "zsh", done.stderr


def test_zsh_finds_the_installed_script_on_fpath(home: Path) -> None:
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    path = completion("zsh", install=True).changes[0][0]
    line = f"fpath=({path.parent} $fpath); autoload -Uz compinit; compinit -u -D; print $_comps[detox]"
    done = subprocess.run(["zsh", "-f", "-c", line], capture_output=True, text=True)
    assert done.stdout == "_detox\n", done.stderr


def test_shell_of_the_user_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/local/bin/fish")
    assert completion(None, install=False).shell == "fish"
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    with pytest.raises(BadSettings, match="tcsh"):
        completion(None, install=False)


def test_folder_that_cannot_be_written_is_one_line(home: Path) -> None:
    (home / ".local").write_text("a file in the way")
    with pytest.raises(DetoxError, match=r"\.local.*cannot write the script"):
        completion("bash", install=True)
