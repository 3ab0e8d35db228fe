"""``generate``: every prompt is answered once, in order, the same bytes whatever happened on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.generation.requests import Turn
from detox_cli.services.generate.run import prepare, run
from detox_cli.settings.generate import GenerateSettings
from tests.recorder import Recorder

PROMPTS = ["The weather is", "You know nothing about", "Please", "I cannot help with that. Here is what I"]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    rows = [{"id": f"row-{i}", "prompt": {"text": text, "toxicity": 0.1}} for i, text in enumerate(PROMPTS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def settings(prompts: Path, model: Path, name: str = "out.jsonl", **changes: object) -> GenerateSettings:
    given = {"model": str(model), "input": str(prompts), "output": str(prompts.parent / name)}
    return GenerateSettings(**{**given, "max_new_tokens": 8, "device": "cpu", **changes})


def read(path: str | Path) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_prompts_are_continued_in_the_order_of_the_input(prompts, tiny_causal):
    wanted, heard = settings(prompts, tiny_causal), Recorder()
    result = run(wanted, heard)
    rows = read(wanted.output)
    assert [(row["id"], row["prompt"]) for row in rows] == [(f"row-{i}", t) for i, t in enumerate(PROMPTS)]
    assert all(row["output"] and row["finish_reason"] in ("stop", "length") for row in rows)
    assert len({row["seed"] for row in rows}) == 4
    assert result.prompts == result.samples == 4 and sum(result.finish_reasons.values()) == 4
    assert result.new_tokens == sum(row["tokens"] for row in rows) and result.tokens_per_second > 0
    assert heard.tasks[0].done == heard.tasks[0].total == 4
    manifest = json.loads(Path(f"{wanted.output}.detox.json").read_text())
    assert manifest["models"]["writer"]["fingerprint"] == rows[0]["model_fingerprint"]
    assert not Path(f"{wanted.output}.journal").exists()


def test_several_samples_are_lists(prompts, tiny_causal):
    wanted = settings(prompts, tiny_causal, num_samples=3, temperature=1.0)
    run(wanted)
    for row in read(wanted.output):
        assert len(row["outputs"]) == len(row["finish_reasons"]) == len(row["tokens"]) == 3
        assert "output" not in row


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet"])
def test_the_suffix_decides_the_format(prompts, tiny_causal, name):
    from detox_cli.data.reading import read_rows

    run(settings(prompts, tiny_causal))
    run(settings(prompts, tiny_causal, name))
    plain = read(prompts.parent / "out.jsonl")
    table = read_rows(str(prompts.parent / name), Rejects())
    assert [row.values["output"] for row in table] == [row["output"] for row in plain]


def test_a_row_keeps_its_answer_when_others_join_or_leave(prompts, tiny_causal):
    run(settings(prompts, tiny_causal))
    run(settings(prompts, tiny_causal, "fewer.jsonl", limit=2))
    assert read(prompts.parent / "fewer.jsonl") == read(prompts.parent / "out.jsonl")[:2]


def test_another_seed_gives_other_answers(prompts, tiny_causal):
    run(settings(prompts, tiny_causal, temperature=1.0))
    run(settings(prompts, tiny_causal, "other.jsonl", temperature=1.0, seed=1))
    both = zip(read(prompts.parent / "out.jsonl"), read(prompts.parent / "other.jsonl"), strict=True)
    assert all(a["output"] != b["output"] for a, b in both)


def test_chat_and_prefix_shape_the_prompt(prompts, tiny_causal):
    with Rejects() as rejects:
        work = prepare(settings(prompts, tiny_causal, chat=True, system="Be brief.", prefix="Say: "), rejects)
    assert work.requests[2].prompt == (Turn("system", "Be brief."), Turn("user", "Say: Please"))
    run(settings(prompts, tiny_causal, chat=True, system="Be brief."))
    longer = read(prompts.parent / "out.jsonl")
    run(settings(prompts, tiny_causal, "raw.jsonl"))
    raw = read(prompts.parent / "raw.jsonl")
    assert all(a["prompt_tokens"] > b["prompt_tokens"] for a, b in zip(longer, raw, strict=True))


def test_an_encoder_decoder_rewrites_as_its_own_settings_say(prompts, tiny_seq2seq, tmp_path):
    import shutil

    copy = shutil.copytree(tiny_seq2seq, tmp_path / "rewriter")
    own = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(
        json.dumps(own | {"num_beams": 3, "max_length": 7, "no_repeat_ngram_size": 2})
    )
    with Rejects() as rejects:
        plain = prepare(settings(prompts, tiny_seq2seq, max_new_tokens=None), rejects).sampling
        beams = prepare(settings(prompts, copy, max_new_tokens=None), rejects).sampling
        drawn = prepare(settings(prompts, copy, temperature=0.7), rejects).sampling
    assert (plain.temperature, plain.num_beams, plain.max_new_tokens) == (0, 1, 64)
    assert (beams.num_beams, beams.max_new_tokens, beams.no_repeat_ngram_size) == (3, 6, 2)
    assert (drawn.num_beams, drawn.temperature, drawn.max_new_tokens) == (1, 0.7, 8)
    wanted = settings(prompts, copy, max_new_tokens=None)
    result = run(wanted)
    assert [row["id"] for row in read(wanted.output)] == [f"row-{i}" for i in range(4)]
    assert result.next_steps() == [f"detox eval rewrite {wanted.output}"]


def test_prompts_that_do_not_fit_are_rejected_with_the_reason(prompts, tiny_causal):
    with prompts.open("a") as file:
        file.write(json.dumps({"id": "long", "prompt": {"text": "read " * 600}}) + "\n")
        file.write(json.dumps({"id": "none", "prompt": {"text": " "}}) + "\n")
    wanted = settings(prompts, tiny_causal)
    result = run(wanted)
    assert (result.prompts, result.rejects) == (4, 2)
    rejected = read(f"{wanted.output}.rejects.jsonl")
    assert {row["where"].rpartition(":")[2] for row in rejected} == {"5", "6"}
    assert any("exceed the model's context of 512" in row["reason"] for row in rejected)
    with pytest.raises(BadData, match="empty"):
        run(settings(prompts, tiny_causal, "strict.jsonl", strict=True))


def test_nothing_but_prompts_that_do_not_fit_is_an_error(tmp_path, tiny_causal):
    path = tmp_path / "long.txt"
    path.write_text("read " * 600 + "\n")
    with pytest.raises(BadData, match="none of 1 prompts can be answered"):
        run(settings(path, tiny_causal))
    assert not (tmp_path / "out.jsonl").exists()


def test_what_cannot_work_is_said_before_a_model_is_loaded(
    prompts, tiny_causal, tiny_seq2seq, tiny_classifier, tmp_path
):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "weightless").mkdir()
    (tmp_path / "weightless" / "config.json").write_text((tiny_causal / "config.json").read_text())
    for faulty, error, reason in (
        (settings(tmp_path / "empty.jsonl", tiny_causal), BadData, "is empty"),
        (settings(prompts, tmp_path / "weightless"), BadSettings, "no usable weights"),
        (settings(prompts, tmp_path / "nowhere"), Missing, "no such model folder"),
        (settings(prompts, tiny_classifier), BadSettings, "cannot write text"),
        (settings(prompts, tiny_seq2seq, chat=True), BadSettings, "not a conversation"),
        (settings(prompts, tiny_causal, system="Be brief."), BadSettings, "--system needs --chat"),
        (settings(prompts, tiny_causal, num_beams=2, num_samples=3), BadSettings, "2 beams cannot give 3"),
        (settings(prompts, tiny_causal, num_beams=2, top_p=0.9), BadSettings, "no meaning in beam search"),
        (settings(prompts, tiny_causal, text_column="promt"), BadData, "no column 'promt'"),
        (settings(prompts, tiny_causal, "out.doc"), BadSettings, "suffix"),
    ):
        with pytest.raises(error, match=reason):
            run(faulty)


def test_a_finished_output_stays_and_another_run_does_not_replace_it(prompts, tiny_causal):
    wanted, heard = settings(prompts, tiny_causal), Recorder()
    first = run(wanted)
    assert run(wanted, heard) == first
    assert "finished already" in heard.warnings[0] and not heard.tasks
    with pytest.raises(BadSettings, match="another run"):
        run(settings(prompts, tiny_causal, seed=5))
    run(settings(prompts, tiny_causal, seed=5, overwrite=True))


ROWS = 500
"""So many that a busy machine does not write the last before the kill."""


@pytest.mark.parametrize("family", ["tiny_causal", "tiny_seq2seq"])
def test_a_killed_run_goes_on_to_the_same_bytes(family, tmp_path, request):
    model = request.getfixturevalue(family)
    path = tmp_path / "many.txt"
    path.write_text("".join(f"Please read page {i} {'and take your time ' * (i % 5)}\n" for i in range(ROWS)))
    wanted = {"num_samples": 2, "temperature": 1.0, "batch_tokens": 300, "max_new_tokens": 20}
    run(settings(path, model, "whole.jsonl", **wanted))
    command = [
        *(sys.executable, "-m", "detox_cli", "generate", str(model), str(path)),
        *("-o", str(tmp_path / "killed.jsonl"), "--device", "cpu", "--num-samples", "2"),
        *("--temperature", "1", "--batch-tokens", "300", "--max-new-tokens", "20"),
    ]
    journal = tmp_path / "killed.jsonl.journal"
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 10):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert journal.exists() and not (tmp_path / "killed.jsonl").exists()
    result = run(settings(path, model, "killed.jsonl", **wanted))
    assert 10 <= result.resumed < ROWS
    assert (tmp_path / "killed.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_rows_flow_through_pipes(tiny_causal):
    run_ = subprocess.run(
        [sys.executable, "-m", "detox_cli", "generate", str(tiny_causal), "-", "--max-new-tokens", "4"],
        input="You know\nPlease read\n",
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [json.loads(line) for line in run_.stdout.splitlines()]
    assert [row["prompt"] for row in rows] == ["You know", "Please read"]
    assert [row["id"] for row in rows] == ["1", "2"]
