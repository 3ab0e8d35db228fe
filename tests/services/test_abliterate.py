"""``detox abliterate`` on the bundled chat model, from prompts to a folder that refuses less."""

import json
from collections.abc import Callable
from pathlib import Path

from detox_cli.models.direction_file import read_directions
from detox_cli.models.sources import MINIATURES
from tests.conftest import Outcome

Detox = Callable[..., Outcome]


def files_of(folder: Path) -> dict[str, bytes]:
    """Everything in a folder but ``detox.json``, which holds times."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "detox.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_chat_model_stops_refusing_and_still_rewrites(detox: Detox, tmp_path: Path) -> None:
    """The figures of the README, from the command that it shows."""
    words = ("abliterate", "builtin:chat", "-o", tmp_path / "willing", "--profile", "offline")
    outcome = detox(*words, "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    found = result["verification"]
    before, after = (found["refusals"][side]["refused"] for side in ("before", "after"))
    assert before["mean"] > 0.25 and after["mean"] < 0.08 and after["high"] < before["low"]
    before, after = (found["task"][side]["scores"]["J"] for side in ("before", "after"))
    assert after["mean"] > before["mean"] - 0.05
    assert found["kl"]["mean"] < 0.13
    tensors = result["written"]["tensors"]
    assert tensors and all(tensor["residue"] <= tensor["limit"] for tensor in tensors)
    card = (tmp_path / "willing" / "README.md").read_text()
    assert "license: cc-by-sa-4.0" in card and "abliterated" in card and "Warning" in card
    assert (tmp_path / "willing" / "README.base.md").read_text().startswith("---")
    files = files_of(tmp_path / "willing")
    again = detox(*words, "--json")
    assert "finished already" in again.err and json.loads(again.out) == result
    assert files_of(tmp_path / "willing") == files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["willing"]
    written = detox(*words, "-q")
    assert written.out == f"{tmp_path / 'willing'}\n"
    sample, pairs = MINIATURES / "samples" / "pairs.jsonl", tmp_path / "pairs.jsonl"
    few = ("--limit", "20", "--temperature", "0")
    asked = detox("synth", "pairs", sample, "-o", pairs, "-m", written.out.strip(), *few, "--json")
    assert asked.code == 0 and json.loads(asked.out)["usable"] >= 12, asked.err


def test_a_measured_direction_is_chosen_and_searched_later(detox: Detox, tmp_path: Path) -> None:
    words = ("abliterate", "builtin:chat", "--limit", "120", "--force", "--seed", "1")
    measured = tmp_path / "measured"
    assert detox(*words, "-o", measured, "--measure-only").code == 0
    later = (*words, "--direction", measured, "--choose-only", "--goal", "1")
    chosen = {}
    for name, how in (("single", ()), ("searched", ("--search", "3"))):
        outcome = detox(*later, "-o", tmp_path / name, *how, "--json")
        assert outcome.code == 0, outcome.err
        assert "serve twice" not in outcome.err
        chosen[name] = json.loads(outcome.out)
        removal = read_directions(tmp_path / name / "direction.safetensors").removal
        assert removal is not None and removal.mode in ("zero", "projected")
    assert chosen["single"]["origin"]["layer"] in range(4) and not chosen["single"]["trials"]
    assert [trial["number"] for trial in chosen["searched"]["trials"]] == [0, 1, 2]
    assert chosen["searched"]["candidates"] == chosen["single"]["candidates"]
    affine = (*later, "-o", tmp_path / "affine", "--tied", "untie", "--mode", "affine")
    drowned = detox(*affine)
    assert drowned.code == 3 and "times as long as a token" in drowned.err, drowned.err
    both = detox(*affine, "--mode", "projected", "--json")
    assert both.code == 0 and "it is not tried" in both.err, both.err
    assert {candidate["mode"] for candidate in json.loads(both.out)["candidates"]} == {"projected"}
    kept = detox(*later, "-o", tmp_path / "kept", "--mode", "affine")
    assert kept.code == 2 and "which is the output head too" in kept.err
    assert "loading builtin" not in kept.err
