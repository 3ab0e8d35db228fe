"""``synth chain``: prompts become chains, one stage after the other, each of them killed and gone on with."""

import json
from collections import Counter
from pathlib import Path

import pytest
from datasets import load_dataset

import detox_cli.miniatures
from detox_cli.data.chains.parse import parse
from detox_cli.data.chains.record import ChainRecord, read_records
from detox_cli.data.chains.template import find_template
from detox_cli.data.rejects import Rejects
from detox_cli.data.splits import text_key
from detox_cli.errors import BadData, BadSettings, DetoxError
from detox_cli.generation.requests import Sample
from detox_cli.runs.journal import Journal
from detox_cli.runs.manifest import hash_file
from detox_cli.services.synth_chain import toxicity
from detox_cli.services.synth_chain.aligning import fills_in
from detox_cli.services.synth_chain.plan import plan
from detox_cli.services.synth_chain.run import run
from detox_cli.services.synth_chain.stage import FILES
from detox_cli.settings.synth_chain import SynthChainSettings
from tests.continuations import read

SAMPLES = Path(detox_cli.miniatures.__path__[0]) / "samples"
OPENINGS = SAMPLES / "openings.jsonl"
OFFLINE = {
    "scorer": "builtin:toxicity",
    "detector": "builtin:lexicon",
    "filler": "builtin:bart",
    "similarity": "builtin:similarity",
}


def settings(folder: Path, **changes: object) -> SynthChainSettings:
    given = {"model": "builtin:lm", "prompts": str(OPENINGS), "output": folder / "chain", "device": "cpu"}
    small = {"max_samples": 18, "num_samples": 4, "max_new_tokens": 8, "min_similarity": 0.2}
    return SynthChainSettings(**{**OFFLINE, **given, **small, **changes})


def files_of(folder: Path) -> dict[str, bytes]:
    """What the stages have written, without the manifests, which have times."""
    return {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest):
    """The settings of a run of all stages, its result, and how often each text was scored."""
    asked: Counter[str] = Counter()
    patch = pytest.MonkeyPatch()
    request.addfinalizer(patch.undo)
    folder = tmp_path_factory.mktemp("whole")
    patch.setenv("DETOX_CACHE", str(folder / "cache"))
    load = toxicity.load_text_scorer

    def counting(*given: object, **named: object):
        scorer = load(*given, **named)
        score = scorer.score
        object.__setattr__(scorer, "score", lambda texts: (asked.update(texts), score(texts))[1])
        return scorer

    patch.setattr(toxicity, "load_text_scorer", counting)
    wanted = settings(folder)
    return wanted, run(wanted), Counter(asked)


def test_the_folder_is_a_data_set_with_a_card(whole) -> None:
    wanted, result, _ = whole
    card = (wanted.output / "README.md").read_text()
    assert "size_categories:\n- n<1K" in card and "detox synth chain builtin:lm" in card
    assert f"sha256 `{hash_file(OPENINGS)}`" in card and "filler of stage fill: builtin:bart" in card
    assert str(wanted.output.parent) not in card
    chains = load_dataset(str(wanted.output), split="train")
    assert len(chains) == result.stages[-1].toxic + result.stages[-1].safe
    assert len(load_dataset(str(wanted.output), "held_out_prompts", split="train")) > 0


def test_prompts_become_chains_that_say_what_was_done(whole):
    wanted, result, _ = whole
    records = read_records(str(wanted.output / "chains.jsonl"), Rejects(strict=True))
    dropped = read_records(str(wanted.output / "dropped.jsonl"), Rejects(strict=True))
    assert len(records) + len(dropped) == 18 == result.stages[0].prompts
    assert {record.toxic for record in records} == {True, False}
    template = find_template("cmd-v3-code")
    for one in records:
        _checked(one, template)
    steps = {stage.stage: stage for stage in result.stages}
    assert list(steps) == list(FILES)
    assert sum(sum(one.dropped.values()) for one in result.stages) == len(dropped)
    assert steps["mask"].figures["mask rate"].n == steps["mask"].toxic
    assert steps["build"].figures["toxicity of the answer"].mean <= 0.5
    assert result.next_steps() == [f"detox train cmd builtin:lm --data {wanted.output} -o detoxified"]


def _checked(one: ChainRecord, template) -> None:
    chain = parse(one.chain.completion, template)
    answer = one.candidates[one.pos]
    assert (
        chain.ok and chain.continuation == answer.text and chain.verdict == ("toxic" if one.toxic else "safe")
    )
    assert answer.tox == min(c.tox for c in one.candidates if c.tox is not None)
    assert all(one.candidates[place].tox > 0.3 for place in one.neg)
    if one.toxic:
        assert fills_in(one.masked, one.safe_text), "everything beside the masks is as it was"
        assert chain.masked == one.masked and chain.rephrased == one.safe_text
        fill = next(fill for fill in one.fills if fill.text == one.safe_text)
        assert fill.accepted and fill.tox < 0.5 and fill.sim >= 0.2
        assert fill.ppl == min(f.ppl for f in one.fills if f.accepted)
    else:
        assert one.safe_text == one.text and one.masked is None


def test_no_text_is_scored_twice_in_all_stages(whole):
    _, _, asked = whole
    assert len(asked) > 60 and set(asked.values()) == {1}


def test_test_prompts_stay_out_of_the_chains(whole):
    wanted, _, _ = whole
    aside, taken = read(wanted.output / "test.jsonl"), read(wanted.output / "spans.jsonl")
    used = {text_key(row["text"]) for row in taken}
    assert aside and not {text_key(row["prompt"]) for row in aside} & used


def test_a_run_that_is_killed_again_and_again_gives_the_same_bytes(whole, tmp_path, monkeypatch):
    wanted, _, _ = whole
    append, left = Journal.append, [0]

    def stops(own: Journal, record: dict) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        append(own, record)

    monkeypatch.setattr(Journal, "append", stops)
    again, kills = wanted.model_copy(update={"output": tmp_path / "chain"}), 0
    while True:
        left[0] = 5
        try:
            run(again)
            break
        except KeyboardInterrupt:
            kills += 1
    assert kills >= 2
    assert files_of(again.output) == files_of(wanted.output)
    before = {path: path.stat().st_mtime_ns for path in again.output.iterdir()}
    run(again)
    assert {path: path.stat().st_mtime_ns for path in again.output.iterdir()} == before, (
        "nothing is done twice"
    )


def test_each_stage_alone_gives_what_all_together_give(whole, tmp_path):
    wanted, _, _ = whole
    for stage in FILES:
        one = {"from_stage": stage, "to_stage": stage, "output": tmp_path / "chain"}
        run(wanted.model_copy(update=one | ({} if stage == "spans" else {"prompts": None})))
    assert files_of(tmp_path / "chain") == files_of(wanted.output)
    stricter = {"from_stage": "build", "prompts": None, "output": tmp_path / "chain", "pos_max": 0.02}
    with pytest.raises(BadSettings, match="the output of another run is there"):
        run(wanted.model_copy(update=stricter))
    fewer = run(wanted.model_copy(update={**stricter, "overwrite": True}))
    assert fewer.stages[0].dropped["its least toxic continuation is too toxic"] > 0


def write(path: Path, *rows: dict) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_prompts_with_delimiters_masks_and_no_score(tmp_path):
    texts = {
        "mark": "#1 You are a stupid # man and",
        "mask": "You are a stupid <MASK> man and",
        "twice": "you are a stupid, mask-less man and",
    }
    rows = [{"id": name, "prompt": {"text": text, "toxicity": 0.9}} for name, text in texts.items()]
    rows += [{"id": "again", "prompt": {"text": "You are a STUPID mask less man and", "toxicity": 0.9}}]
    rows += [
        {"id": "null", "prompt": {"text": "The weather # today is", "toxicity": None}},
        {"id": "none", "prompt": {}},
        {"id": "long", "prompt": {"text": "The stupid train was on time today. " * 9, "toxicity": 0.9}},
    ]
    result = run(settings(tmp_path, prompts=write(tmp_path / "p.jsonl", *rows), test_share=0, fill_retries=9))
    made = {
        one.id: one for one in read_records(str(tmp_path / "chain" / "chains.jsonl"), Rejects(strict=True))
    }
    assert set(made) == {"mark", "twice", "null"} and result.rejects == 1
    assert (
        parse(made["mark"].chain.completion, find_template("cmd-v3-code")).masked
        == "#1 You are a <MASK> # man and"
    )
    assert made["null"].toxicity < 0.5 and not made["null"].toxic
    steps = {stage.stage: stage for stage in result.stages}
    assert steps["mask"].dropped["its prompt has <MASK> in it"] == 1
    assert steps["fill"].dropped == {"no fill: too long for the filler, or empty": 1}
    assert steps["spans"].counts["prompts said before"] == 1


def test_a_filler_that_returns_nothing_is_told_with_its_reasons(tmp_path, monkeypatch):
    from detox_cli.generation.batch_run import BatchRun

    monkeypatch.setattr(BatchRun, "_sample", lambda own, job, row: Sample(" ", "stop", 1))
    rows = [
        {"prompt": "You are a stupid man and", "toxicity": 0.9},
        {"prompt": "The weather is", "toxicity": 0},
    ]
    bad = settings(tmp_path, prompts=write(tmp_path / "p.jsonl", *rows), test_share=0, fill_retries=1)
    with pytest.raises(
        BadData, match=r"wrote nothing usable for any of 1 toxic prompts \(no fill: nothing in"
    ):
        run(bad)
    assert sorted(path.name for path in bad.output.glob("*.jsonl")) == [
        "masked.jsonl",
        "spans.jsonl",
        "test.jsonl",
    ]
    only_safe = write(tmp_path / "safe.jsonl", rows[1])
    silent = settings(tmp_path, prompts=only_safe, test_share=0, output=tmp_path / "silent", empty_retries=1)
    with pytest.raises(BadData, match="no prompt has become a chain"):
        run(silent)


def test_a_plan_counts_calls_and_tokens_and_loads_nothing(whole, tmp_path, recorder):
    wanted, result, _ = whole
    found = plan(wanted.model_copy(update={"output": tmp_path / "none"}), recorder)
    costs = {cost.what: cost for cost in found.costs}
    kept = result.stages[0]
    assert found.toxic >= kept.toxic and found.safe == kept.safe
    model = costs["model builtin:lm"]
    assert (model.least, model.written) == (18 * 4, 18 * 4 * 3 * 8)
    written = sum(cost.written for cost in found.costs)
    assert found.hours == {rate: pytest.approx(written / rate / 3600) for rate in (100, 1_000, 10_000)}
    assert found.tables()[-1].title == "time"
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"from_stage": "fill", "to_stage": "mask", "prompts": None}, "comes after"),
        ({"prompts": None}, "no prompts to make chains of"),
        ({"from_stage": "fill"}, "not prompts"),
        ({"data": "x.jsonl"}, "the first stage reads prompts"),
        ({"model": None}, "no model is named"),
        ({"temperature": 0}, "greedy continuations are all the same"),
        ({"filler": "builtin:lm", "fill_mode": "infill"}, "has no mask to fill"),
        ({"filler_engine": "server"}, "--filler-engine server needs the address"),
        ({"filler_base_url": "http://localhost:8000/v1"}, "--filler-base-url has no meaning"),
        ({"template": "cmd-v9"}, "no chain template"),
        ({"detector": "builtin:nothing"}, "nothing"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_written(tmp_path, wrong, why):
    with pytest.raises(DetoxError, match=why):
        run(settings(tmp_path, **wrong))
    assert not (tmp_path / "chain").exists()


def test_answers_of_the_model_become_lessons_without_a_chain(tmp_path):
    said = {"ok": [True, True], "masked": [None, None], "rephrased": [None, None]}
    rows = [
        {
            "id": "a",
            "prompt": "The day",
            "outputs": [" was fine", " was long"],
            "verdict": ["safe", "safe"],
            **said,
        },
        {
            "id": "b",
            "prompt": "x",
            "outputs": ["", ""],
            "verdict": [None, None],
            **said,
            "ok": [False, False],
        },
    ]
    toxic = {"masked": ["A <MASK>"] * 2, "rephrased": ["A man"] * 2, "verdict": ["toxic", "toxic"]}
    rows.append({"id": "c", "prompt": "A fool", "outputs": [" went", " sat"], **said, **toxic})
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"model": None, "prompts": None, "from_stage": "score", "data": str(file), "mode": "both"}
    wanted = settings(tmp_path, **given)
    result = run(wanted)
    assert result.rejects == 1 and "--mode both --contrast none" in result.next_steps()[0]
    chains = {row["id"]: row for row in read(wanted.output / "chains.jsonl")}
    assert chains["a"]["chain"]["completion"].startswith("# Generation:  was")
    assert chains["c"]["chain"]["completion"].startswith(
        "# Let's detoxify step by step. # The context is toxic."
    )
    assert chains["c"]["safe_text"] == "A man" and chains["a"]["candidates"][0]["tox"] is not None
