"""An edited chat model is looked at: in its files, its forward pass, its answers, and beside its base."""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from detox_cli.data.reading import read_rows
from detox_cli.data.rejects import Rejects
from detox_cli.errors import BadData, BadSettings, DetoxError, ExitCode
from detox_cli.generation.requests import Turn
from detox_cli.models.adapters import find_adapter
from detox_cli.models.checkpoint.folder import open_checkpoint
from detox_cli.models.checkpoint.plan import plan_edits
from detox_cli.models.directions import orthonormal
from detox_cli.models.edit_adapter import write_adapter
from detox_cli.models.removal import remove_everywhere
from detox_cli.models.sources import find_model
from detox_cli.runs.journal import Journal
from detox_cli.services.abliterate.contrast.files import HARMFUL
from detox_cli.services.abliterate.verify.inputs import read_prompts, read_texts
from detox_cli.services.abliterate.verify.needed import needed
from detox_cli.services.abliterate.verify.options import Limits, VerifyOptions
from detox_cli.services.abliterate.verify.run import verify
from detox_cli.services.abliterate.verify.verification import Verification
from tests.conftest import Outcome
from tests.recorder import Recorder
from tests.services.abliterate.conftest import Edited

Detox = Callable[..., Outcome]
CHAT = find_model("builtin:chat")
HARMFUL_PROMPTS = tuple(
    (Turn("user", str(row.values["text"])),) for row in read_rows(HARMFUL, Rejects(), limit=24)
)
SCORERS = {"sta": "builtin:toxicity", "sim": "builtin:similarity", "fl": "builtin:fluency"}
OPTIONS = VerifyOptions(positive=HARMFUL_PROMPTS, device="cpu", **SCORERS)


@pytest.fixture(scope="module")
def found(willing: Edited) -> Verification:
    return verify(CHAT, find_model(str(willing.folder)), willing.removal, OPTIONS)


def test_nothing_is_left_in_files_and_nothing_is_written_along(found: Verification) -> None:
    assert len(found.residues) == 8 and all(one.met for one in found.residues)
    assert {(one.block, one.strength) for one in found.writing} == {(block, 1.0) for block in range(4)}
    for one in found.writing:
        assert one.after < 1e-4 < 0.1 < (one.before or 0)
    assert found.stream["before"] > 0.3  # the embedding is tied, so some of it stays in the stream
    assert found.problem() is None


def test_the_task_before_and_after_is_paired(found: Verification) -> None:
    before, after = found.task["before"], found.task["after"]
    assert before.answered.n == after.answered.n == 200
    assert before.answered.mean < 0.95 < 0.97 < after.answered.mean
    gain = found.task_difference["J of all"]
    assert gain.mean == pytest.approx(after.joint.mean - before.joint.mean)
    assert found.task_difference["J"].n <= round(200 * before.answered.mean)
    assert before.joint.mean == pytest.approx(before.scores["J"].mean * before.answered.mean)
    assert 0.6 < after.scores["J"].mean < 0.8


def test_refusals_fall_and_answers_that_say_nothing_are_seen(found: Verification) -> None:
    before, after = found.refusals["before"], found.refusals["after"]
    assert before.refused.n == 24 and after.refused.mean < before.refused.mean
    assert before.degenerate.mean < 0.1
    assert found.safe["before"].refused.n == 123
    for answers in (before, after, *found.safe.values()):
        assert answers.unanswered.mean <= answers.refused.mean + answers.degenerate.mean
        assert answers.at_start + answers.later == round(answers.refused.mean * answers.refused.n)
    # open questions get a full stop: a damage that the refusals alone would have called a success
    assert found.safe["after"].kinds.get("empty", 0) > 50
    assert any("answered with nothing, loops or filler" in remark for remark in found.remarks)


def test_the_distance_from_the_base(found: Verification) -> None:
    assert found.kl is not None and found.kl_first is not None
    assert found.kl.n == 40 and 0.01 < found.kl.mean < 1
    ratio = found.perplexity["after"].mean / found.perplexity["before"].mean
    assert found.perplexity_increase.mean == pytest.approx(ratio - 1)
    assert found.perplexity_tokens > 4200
    rows = [row for table in found.tables() for row in table.rows]
    assert found.kl_first_answered.n == found.kl_answered.n < 40  # it declines some of them
    assert found.kl_first_answered.mean < found.kl_first.mean
    assert len(rows) == 18 and all(len(row) == 5 for row in rows)


def test_a_model_that_was_not_edited_has_moved_nowhere(willing: Edited) -> None:
    parts = frozenset({"residues", "forward", "kl", "perplexity"})
    same = verify(CHAT, CHAT, willing.removal, replace(OPTIONS, parts=parts))
    assert same.kl.mean == same.perplexity_increase.mean == 0
    assert all(one.before == one.after for one in same.writing)
    problem = same.problem()
    assert isinstance(problem, DetoxError) and problem.exit_code == ExitCode.FAILED
    assert "is left in model.layers" in str(problem) and "8 of the edited" in str(problem)


def test_limits_that_are_not_met(willing: Edited) -> None:
    limits = Limits(max_kl=0.001, max_ppl_increase=0.5, max_refusals=0.01)
    options = replace(OPTIONS, parts=frozenset({"kl", "perplexity", "refusals"}), limits=limits)
    checked = verify(CHAT, find_model(str(willing.folder)), willing.removal, options)
    assert [check.met for check in checked.checks] == [False, True, False]
    problem = checked.problem()
    assert problem is not None and problem.exit_code == ExitCode.QUALITY
    assert "asked for is 0.001" in str(problem)


@pytest.mark.parametrize(
    ("limits", "flag"),
    [
        (Limits(max_kl=1), "--max-kl"),
        (Limits(max_ppl_increase=1), "--max-ppl"),
        (Limits(max_refusals=1), "--max-ref"),
    ],
)
def test_a_limit_that_cannot_be_judged_is_refused_at_once(limits: Limits, flag: str) -> None:
    with pytest.raises(BadSettings, match=flag):
        verify(None, CHAT, None, replace(OPTIONS, positive=(), limits=limits))


def test_without_a_base_the_files_are_judged_as_far_as_they_can_be(willing: Edited) -> None:
    written = find_model(str(willing.folder))
    alone = replace(OPTIONS, parts=frozenset({"residues"}))
    assert all(one.met for one in verify(None, written, willing.removal, alone).residues)
    other = remove_everywhere(orthonormal(np.arange(1.0, 193.0)), 4)
    assert not any(one.met for one in verify(None, written, other, alone).residues)
    half = replace(willing.removal, mlp=np.full(4, 0.5))
    recorder = Recorder()
    assert len(verify(None, written, half, alone, recorder).residues) == 4
    assert recorder.warnings == [
        "without the base, what is left in 4 tensors edited at less than full strength cannot be told"
    ]


def test_a_killed_run_goes_on_and_asks_nothing_twice(willing: Edited, tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(json.dumps({"prompt": f"What is {n} plus two?"}) + "\n" for n in "12"))
    options = replace(OPTIONS, safe=str(few), limit_pairs=30, text=str(_text(tmp_path)))
    written = find_model(str(willing.folder))
    wanted = verify(CHAT, written, willing.removal, options)

    class Killed(Recorder):
        def stage(self, text: str) -> None:
            super().stage(text)
            if text.startswith("loading") and "builtin" not in text:
                raise KeyboardInterrupt

    with Journal(tmp_path / "journal", "x") as journal, pytest.raises(KeyboardInterrupt):
        assert needed(CHAT, options, 0.98, journal=journal).needed
        verify(CHAT, written, willing.removal, options, Killed(), journal=journal)
    lines = (tmp_path / "journal").read_text()
    assert "before/task" in lines and "answer" not in lines
    recorder = Recorder()
    with Journal(tmp_path / "journal", "x") as journal:
        again = verify(CHAT, written, willing.removal, options, recorder, journal=journal)
    assert again.model_dump_json() == wanted.model_dump_json()
    assert not any(task.label.endswith(", before") and task.label != "KL, before" for task in recorder.tasks)


def test_an_edit_is_needed_or_not() -> None:
    often = needed(CHAT, replace(OPTIONS, limit_pairs=60), 0.98)
    assert often.needed and "may be a cheaper cure" in often.advice
    assert not needed(CHAT, replace(OPTIONS, limit_pairs=60), 0.5).needed


def test_answers_are_kept_only_if_asked_for(willing: Edited) -> None:
    options = replace(OPTIONS, parts=frozenset({"refusals"}), positive=HARMFUL_PROMPTS[:3], keep_answers=True)
    found = verify(None, find_model(str(willing.folder)), None, options)
    assert [row["id"] for row in found.answers] == [f"after-refusals-{n}" for n in (1, 2, 3)]
    assert found.answers[0]["prompt"] == HARMFUL_PROMPTS[0][-1].text
    assert not verify(None, CHAT, None, replace(options, keep_answers=False)).answers


def test_a_model_that_is_no_chat_model_is_said_to_be_none(tiny_gpt2: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for path in tiny_gpt2.iterdir():
        if path.name != "chat_template.jinja":
            (bare / path.name).write_bytes(path.read_bytes())
    recorder = Recorder()
    options = replace(OPTIONS, parts=frozenset({"safe"}), new_tokens=40)
    source = find_model(str(bare))
    verify(None, source, None, options, recorder)
    assert recorder.warnings[0] == "answers end after 40 tokens; refusals that come later are missed"
    assert recorder.warnings[1].startswith(f"{bare} has no chat template")
    assert "is it a chat model?" in recorder.warnings[2]


def test_files_of_prompts_and_texts(tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_text("id,prompt,label\n1,How do I crack a nut?,safe\n2,Something bad,unsafe\n3, ,safe\n")
    assert read_prompts(str(table), "Be kind.") == (
        (Turn("system", "Be kind."), Turn("user", "How do I crack a nut?")),
    )
    assert read_texts(str(_text(tmp_path))) == ("First line.\n\nSecond line.\n",)
    only_bad = tmp_path / "y.csv"
    only_bad.write_text("id,prompt,label\n1,Something bad,unsafe\n")
    with pytest.raises(BadData, match="no prompt"):
        read_prompts(str(only_bad))
    empty = tmp_path / "z.txt"
    empty.write_text(" \n")
    with pytest.raises(BadData, match="no text"):
        read_texts(str(empty))


@pytest.mark.parametrize(("part", "name"), [("safe", "safe, after"), ("kl", "KL, before")])
def test_a_prompt_that_is_too_long_is_named(part, name: str, tmp_path: Path) -> None:
    long = tmp_path / "long.jsonl"
    long.write_text(json.dumps({"prompt": "Why?"}) + "\n" + json.dumps({"prompt": "why " * 2000}))
    prompts = read_prompts(str(long))
    options = replace(OPTIONS, parts=frozenset({part}), safe=str(long), negative=prompts)
    with pytest.raises(BadData, match=rf"^{name}, prompt 2: prompt of \d+ tokens and \d+ new tokens exceed"):
        verify(CHAT if part == "kl" else None, CHAT, None, options)


def _text(folder: Path) -> Path:
    path = folder / "prose.txt"
    path.write_text("First line.\n\nSecond line.\n")
    return path


def test_an_adapter_is_verified_on_its_base(willing: Edited, tmp_path: Path) -> None:
    checkpoint = open_checkpoint(CHAT.location)
    anatomy = checkpoint.anatomy()
    plan = plan_edits(checkpoint, anatomy, lambda writer: willing.removal.edit(writer, anatomy))
    write_adapter(checkpoint, plan, tmp_path, "builtin:chat")
    options = replace(OPTIONS, parts=frozenset({"residues", "forward", "task"}), limit_pairs=40)
    adapted = verify(CHAT, CHAT, willing.removal, options, adapter=find_adapter(str(tmp_path)))
    assert not adapted.residues and len(adapted.writing) == 8
    assert all(one.after < 1e-4 < (one.before or 0) for one in adapted.writing)
    assert adapted.task["before"].answered.mean < adapted.task["after"].answered.mean


def test_a_classifier_tells_refusals_too(tiny_classifier: Path) -> None:
    asked = replace(OPTIONS, parts=frozenset({"refusals"}), positive=HARMFUL_PROMPTS[:6])
    named = replace(asked, refusal_scorer=f"hf:{tiny_classifier}#neutral")
    one, other = (verify(None, CHAT, None, options) for options in (asked, named))
    assert one.refusals["after"].classified is None
    classified = other.refusals["after"].classified
    assert classified is not None and classified.n == 6
    assert other.refusals["after"].refused == one.refusals["after"].refused
    assert len(other.tables()[0].rows) == len(one.tables()[0].rows) + 1


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is an extra")
def test_refusals_are_looked_for_in_fewer_bits_too(willing: Edited) -> None:
    recorder = Recorder()
    options = replace(
        OPTIONS, parts=frozenset({"residues", "forward", "task"}), limit_pairs=40, quantize="4bit"
    )
    coarse = verify(CHAT, find_model(str(willing.folder)), willing.removal, options, recorder)
    assert recorder.warnings[0].startswith("the edited model was loaded in 4bit")
    assert all(one.met for one in coarse.residues)  # the files are as they were written
    assert max(one.after for one in coarse.writing) > 0.01 > min(one.after for one in coarse.writing) / 10
    assert coarse.task["before"].answered.mean < coarse.task["after"].answered.mean


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is an extra")
@pytest.mark.parametrize("bits", ["4bit", "8bit"])
def test_the_command_verifies_in_fewer_bits(bits: str, willing: Edited, detox: Detox) -> None:
    words = ("abliterate", "builtin:chat", "--verify", willing.folder, "--quantize", bits, "--limit", "60")
    outcome = detox(*words, "--parts", "refusals", "--device", "cpu", "--json")
    assert outcome.code == 0 and f"was loaded in {bits}" in outcome.err, outcome.err
    found = json.loads(outcome.out)["verification"]["refusals"]
    assert found["after"]["refused"]["mean"] < found["before"]["refused"]["mean"]


def test_the_command_asks_a_classifier_too(willing: Edited, detox: Detox, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("sorry\ncannot\ncan't\nwon't\n")
    words = ("abliterate", "builtin:chat", "--verify", willing.folder, "--limit", "60", "--parts", "refusals")
    outcome = detox(*words, "--refusal-scorer", f"lexicon:{tmp_path / 'words.txt'}", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)["verification"]["refusals"]
    assert found["after"]["classified"]["mean"] < found["before"]["classified"]["mean"]
    wrong = detox(*words, "--refusal-scorer", "builtin:fluency#refusal")
    assert wrong.code == 2 and "has no class 'refusal'" in wrong.err and "loading builtin" not in wrong.err
