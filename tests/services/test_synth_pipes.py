"""Commands joined by pipes of the shell: rows on stdout, everything for eyes on stderr."""

import json
import os
import shlex
import subprocess
import sys

SENTENCES = "this game is garbage\nwhat a stupid idea\nyou silly man , read it again\n"


def test_pairs_go_through_a_pipe_to_be_scored(tmp_path):
    detox = f"{shlex.quote(sys.executable)} -m detox_cli"
    written = shlex.quote(str(tmp_path / "rows.jsonl"))
    line = (
        f"{detox} synth pairs - --profile offline --num-candidates 2 --max-new-tokens 16 "
        f"| tee {written} | {detox} eval rewrite - --profile offline --no-baselines --json"
    )
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        input=SENTENCES,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    rows = [json.loads(text) for text in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["toxic"] for row in rows] == SENTENCES.splitlines()
    (system,) = json.loads(ran.stdout)["systems"]
    assert system["n"] == 3
    assert abs(system["J_mean_of_products"]["mean"] - sum(row["j"] for row in rows) / 3) < 1e-6
    assert "refusals" in ran.stderr, "the summary of the first command is for eyes"
