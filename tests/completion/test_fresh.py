"""The committed scripts are those of today's command tree, and are sound shell code."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from detox_cli.completion.known import Known, known_names
from detox_cli.completion.scripts import FILES, detox_scripts, scripts
from detox_cli.completion.tree import command_tree
from detox_cli.data.chains.template import bundled_templates
from detox_cli.scoring.spec import KINDS
from detox_cli.settings.offers import CHAINS, OFFERS
from tests.completion.example import app

ROOT = Path(__file__).parents[2]
CHECKS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-f", "-n"], "fish": ["fish", "-N", "-n"]}


@pytest.mark.parametrize("kind", FILES)
def test_committed_scripts_are_fresh(kind: str) -> None:
    committed = (ROOT / FILES[kind]).read_text(encoding="utf-8")
    assert committed == detox_scripts()[kind], "run: python -m detox_cli.completion --write"


@pytest.mark.parametrize("shell", CHECKS)
def test_shell_accepts_the_script(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    script = ROOT / FILES[shell]
    done = subprocess.run([*CHECKS[shell], script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_and_flag_is_in_every_script() -> None:
    tree = command_tree(app)
    words = {n.lstrip("-") for node in tree.walk() for o in node.options for n in o.names}
    words |= {node.path[-1] for node in tree.walk() if node.path}
    for kind, text in scripts(tree, Known()).items():
        text = text.replace("\\-", "-")
        assert not {word for word in words if word not in text}, kind


def test_every_kind_of_scorer_is_offered() -> None:
    offered = scripts(command_tree(app), Known(models={"toxicity": "toxicity"}))
    for shell in CHECKS:
        assert not [kind for kind in KINDS if f"{kind}:" not in offered[shell].replace("\\:", ":")], shell


@pytest.mark.parametrize("device", ["utf8", "ps"])
def test_man_page_has_no_roff_errors(device: str) -> None:
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    page = ROOT / FILES["man"]
    done = subprocess.run(["groff", "-man", f"-T{device}", "-ww", page], capture_output=True)
    if b"can't find" in done.stderr or b"cannot load" in done.stderr:
        pytest.skip(f"groff-base has no device {device}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert device != "utf8" or "detoxify language models" in done.stdout.decode()


def test_names_that_ship_are_known(tmp_path: Path) -> None:
    for name, kind in {
        "lm": "LlamaForCausalLM",
        "bart": "BartForConditionalGeneration",
        "tox": "XModel",
    }.items():
        folder = tmp_path / "package/miniatures" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(f'{{"architectures": ["{kind}"]}}')
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/offline.toml").touch()
    classes = {"nice": {0: "toxicity"}, "fine": {0: "acceptable"}}
    for name, labels in classes.items():
        folder = tmp_path / "package/miniatures" / name
        folder.mkdir()
        config = {"architectures": ["BertForSequenceClassification"], "id2label": labels}
        (folder / "config.json").write_text(json.dumps(config))
    roles = {"bart": "seq2seq", "fine": "fluency", "lm": "causal", "nice": "toxicity", "tox": "similarity"}
    assert known_names(tmp_path / "package") == Known(("offline",), roles)


def test_words_that_name_bundled_things_are_all_of_them() -> None:
    assert set(CHAINS) == set(bundled_templates())
    assert {role for offer in OFFERS.values() for role in offer.roles} == set(known_names().models.values())
