"""``synth pairs``: every row comes back once, the same whatever happened on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings
from detox_cli.output.progress import Silent
from detox_cli.services.synth_pairs.candidates import Candidate, Written
from detox_cli.services.synth_pairs.result import summary
from detox_cli.services.synth_pairs.run import run
from detox_cli.services.synth_pairs.sources import requests_for
from detox_cli.services.synth_pairs.work import prepare
from detox_cli.settings.synth import SynthPairsSettings

SOURCES = [
    "what a stupid idea , nobody asked for it .",
    "this game is garbage",
    "shut up and read the second page , you silly man .",
    "this  game is garbage",
    "that was a dumb and useless comment",
]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    path = tmp_path / "toxic.jsonl"
    rows = [{"id": f"row-{i}", "toxic": text, "neutral1": "Fine."} for i, text in enumerate(SOURCES)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def settings(sources: Path, model: Path, name: str = "pairs.jsonl", **changes: object) -> SynthPairsSettings:
    given = {"input": str(sources), "output": str(sources.parent / name), "model": str(model)}
    return SynthPairsSettings(**{**given, "max_new_tokens": 12, **changes})


def read(path: str | Path) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_every_row_comes_back_in_order_and_equal_sources_share_one_prompt(sources, tiny_causal):
    wanted = settings(sources, tiny_causal)
    result = run(wanted)
    rows = read(wanted.output)
    assert [row["id"] for row in rows] == [f"row-{i}" for i in range(5)]
    assert [row["toxic"] for row in rows] == SOURCES
    assert (result.rows, result.unique_sources) == (5, 4)
    assert rows[1]["neutral"] == rows[3]["neutral"] and rows[1]["seed"] == rows[3]["seed"]
    assert all(row["references"] == ["Fine."] for row in rows)
    assert result.refusals.n == 4
    manifest = json.loads(Path(f"{wanted.output}.detox.json").read_text())
    assert manifest["command"] == "synth pairs" and manifest["inputs"]
    assert not Path(f"{wanted.output}.journal").exists()


def test_an_abliterated_model_that_still_refuses_is_not_to_be_abliterated_again_likewise(
    tmp_path, tiny_causal
):
    edited = tmp_path / "edited"
    shutil.copytree(tiny_causal, edited)
    (edited / "detox.json").write_text(json.dumps({"command": "abliterate"}))
    advices = []
    for model in (tiny_causal, edited):
        no = Candidate("I cannot help with that.", "stop", 6, 1, 0, "detox-en", ("refusal",))
        written = {str(n): Written((no,), 0) for n in range(40)}
        advices.append(summary(settings(tmp_path, model), [], [], written, {}).advice)
    assert "removing the refusal direction" in advices[0]
    assert "already" in advices[1] and "--contrast task" in advices[1]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_text(sources, tiny_causal):
    for name, seed in (("a.jsonl", 1), ("b.jsonl", 1), ("c.jsonl", 2)):
        run(settings(sources, tiny_causal, name, seed=seed))
    first, again, other = ((sources.parent / name).read_bytes() for name in ("a.jsonl", "b.jsonl", "c.jsonl"))
    assert first == again != other


def test_plain_lines_are_sentences(tmp_path, tiny_causal):
    path = tmp_path / "toxic.txt"
    path.write_text("you are a silly man\nthis is garbage\n")
    wanted = settings(path, tiny_causal)
    assert run(wanted).rows == 2
    assert [row["toxic"] for row in read(wanted.output)] == ["you are a silly man", "this is garbage"]


def test_shots_stand_in_the_prompt_and_a_source_is_never_its_own_example(sources, tiny_causal, tmp_path):
    shots = tmp_path / "shots.tsv"
    shots.write_text("toxic\tneutral\nThis game is garbage!\tno\nyou fool\tyou there\nbad man\tman\n")
    wanted = settings(sources, tiny_causal, shots=str(shots), num_shots=2)
    work = prepare(wanted, Rejects(), Silent())
    turns = requests_for(list(work.sources.values()), wanted)[0].prompt
    assert [turn.text for turn in turns][1:5] == ["you fool", "you there", "bad man", "man"]
    with pytest.raises(BadData, match="2 examples"):
        prepare(settings(sources, tiny_causal, shots=str(shots), num_shots=3), Rejects(), Silent())
    with pytest.raises(BadSettings, match="--num-shots 2"):
        prepare(settings(sources, tiny_causal, num_shots=2), Rejects(), Silent())


def test_a_finished_output_is_kept_and_another_run_does_not_overwrite_it(sources, tiny_causal):
    wanted = settings(sources, tiny_causal)
    first = run(wanted)
    before = Path(wanted.output).stat().st_mtime_ns
    assert run(wanted) == first
    assert Path(wanted.output).stat().st_mtime_ns == before
    with pytest.raises(BadSettings, match="another run"):
        run(settings(sources, tiny_causal, temperature=0.5))
    run(settings(sources, tiny_causal, temperature=0.5, overwrite=True))


def test_killed_in_the_middle_the_same_command_gives_the_same_bytes(tmp_path, tiny_causal):
    path = tmp_path / "toxic.txt"
    path.write_text("".join(f"comment number {i} is silly {'and dull ' * (i % 7)}\n" for i in range(150)))
    calm, killed = (tmp_path / name for name in ("calm.jsonl", "killed.jsonl"))
    command = [sys.executable, "-m", "detox_cli", "synth", "pairs", str(path), "-m", str(tiny_causal)]
    # Nearly all answers of a random model run into the limit, so nearly all are asked for again.
    command += ["--max-new-tokens", "20", "--batch-tokens", "300", "--retries", "1"]
    command += ["--retry-on", "truncated", "--drop", "copy", "-o"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, calm], check=True, env=environment, capture_output=True)
    process = subprocess.Popen([*command, killed], env=environment, stderr=subprocess.DEVNULL)
    journal = tmp_path / "killed.jsonl.journal"
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > 170:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not killed.exists(), "it was to be killed before the end"
    done = journal.read_bytes().count(b"\n") - 1
    assert 150 < done < 290, "it was to be killed while it asked again"
    again = subprocess.run([*command, killed], check=True, env=environment, capture_output=True, text=True)
    assert killed.read_bytes() == calm.read_bytes()
    assert "150" in again.stdout
