"""``generate --chain``: what was learnt is asked, and what is no chain is never an answer."""

import json
from pathlib import Path

import pytest

from detox_cli.data.chains.template import find_template
from detox_cli.errors import BadSettings
from detox_cli.generation.chains.asking import ChainForm
from detox_cli.generation.requests import Completion, Sample, Sampling
from detox_cli.runs.journal import Journal
from detox_cli.services.chain_answers import answer_chains
from detox_cli.services.generate.run import run
from detox_cli.settings.generate import GenerateSettings
from tests.chains import RECORDS
from tests.generation.faulty_server import faulty_server
from tests.recorder import Recorder

SAFE = "# Let's detoxify step by step. # The context is non-toxic. # Generation: fine #"


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps({"id": one.id, "prompt": one.text}) + "\n" for one in RECORDS))
    return path


def settings(prompts: Path, model: Path, name: str = "out.jsonl", **changes: object) -> GenerateSettings:
    given = {
        "model": str(model),
        "input": str(prompts),
        "output": str(prompts.parent / name),
        "device": "cpu",
    }
    return GenerateSettings(**{**given, "chain": "cmd", "temperature": 0, **changes})


def read(path: str | Path) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_a_trained_model_gives_back_its_chains(prompts, chain_model):
    wanted = settings(prompts, chain_model, show_chain=True)
    result = run(wanted)
    for row, record in zip(read(wanted.output), RECORDS, strict=True):
        assert row["ok"] and row["problem"] == "" and row["attempts"] == 1
        assert row["output"] == record.candidates[0].text
        assert (row["verdict"], row["masked"]) == ("toxic" if record.toxic else "safe", record.masked)
        assert row["rephrased"] == record.safe_text
        assert row["chain"].startswith("# Let's") and row["finish_reason"] == "stop"
    assert result.chains.malformed == 0 and result.chains.verdicts == {"safe": 1, "toxic": 2}
    assert result.chains.malformed_share.high > 0
    assert "no chain" in str(result.tables())


def test_rows_hold_what_was_asked_for(prompts, chain_model):
    wanted = settings(
        prompts, chain_model, answer_only=True, num_samples=3, max_new_tokens=2, temperature=0.1
    )
    run(wanted)
    for row in read(wanted.output):
        assert len(row["outputs"]) == len(row["ok"]) == len(row["tokens"]) == 3
        assert "verdict" not in row and "chain" not in row
        assert all(len(text) < len("to me today.") for text in row["outputs"])
    begun = settings(prompts, chain_model, "begun.jsonl", chain_prefill=True, show_chain=True)
    run(begun)
    plain = settings(prompts, chain_model, "plain.jsonl", show_chain=True)
    run(plain)
    assert [row["chain"] for row in read(begun.output)] == [row["chain"] for row in read(plain.output)]


def test_an_untrained_model_gives_no_answers(prompts, tiny_gpt2):
    named = settings(
        prompts, tiny_gpt2, chain="cmd-v3-code", temperature=1.0, chain_tokens=12, chain_retries=2
    )
    heard = Recorder()
    result = run(named, heard)
    rows = read(named.output)
    assert all((row["output"], row["ok"], row["attempts"]) == ("", False, 3) for row in rows)
    assert all(row["problem"] and row["tokens"] > 12 for row in rows)
    assert result.chains.malformed == result.chains.retried == result.empty == 3
    assert result.new_tokens == sum(row["tokens"] for row in rows)
    assert any("attempt 2 of 2" in said for said in heard.stages)
    assert any("3 of 3 samples are no chain of the form cmd-v3-code" in said for said in heard.warnings)


class Scripted:
    """An engine that answers from a script: what each request gets, by id."""

    def __init__(self, script: dict[str, list[str]]) -> None:
        self.identity, self.script, self.asked = {}, script, []

    def generate(self, requests, sampling, done=()):
        for request in requests:
            if request.id not in done:
                self.asked.append(request)
                texts = self.script[request.id]
                assert len(texts) == request.samples
                yield Completion(request.id, request.seed, 5, tuple(Sample(t, "stop", len(t)) for t in texts))


def test_only_what_is_no_chain_is_drawn_again_and_a_stopped_run_goes_on(tmp_path):
    form = ChainForm(find_template("cmd-v3-code"), retries=2)
    requests = [form.request("a", "x", 1, 3), form.request("b", "y", 2, 1)]
    script = {"a": ["no", SAFE, "not"], "b": [SAFE], "a\x1f1": [SAFE, "nor this"], "a\x1f2": ["never"]}
    drawn, engine = Sampling(temperature=1.0), Scripted(script)
    found = answer_chains(engine, form, requests, drawn, None, Recorder())
    assert [(one.ok, one.text, one.attempts) for one in found.answers["a"]] == [
        (True, "fine", 2),
        (True, "fine", 1),
        (False, "", 3),
    ]
    assert [one.tokens for one in found.completions["a"].samples] == [2 + len(SAFE), len(SAFE), 3 + 8 + 5]
    assert len({request.seed for request in engine.asked}) == 4
    with Journal(tmp_path / "journal", "f") as journal:
        stopping = Scripted({name: script[name] for name in ("a", "b", "a\x1f1")})
        with pytest.raises(KeyError):
            answer_chains(stopping, form, requests, drawn, journal, Recorder())
        rest = Scripted({"a\x1f2": script["a\x1f2"]})
        assert answer_chains(rest, form, requests, drawn, journal, Recorder()) == found
        assert [request.id for request in rest.asked] == ["a\x1f2"]
    greedy = Scripted({"a": script["a"], "b": script["b"]})
    assert (
        answer_chains(greedy, form, requests, Sampling(temperature=0), None, Recorder()).answers["a"][2].text
        == ""
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chat": True}, "--chat has no meaning with --chain"),
        ({"prefix": "x"}, "--prefix has no meaning with --chain"),
        ({"chain": None, "show_chain": True}, "--show-chain has no meaning without --chain"),
        ({"chain": None, "chain_retries": 5}, "--chain-retries has no meaning without --chain"),
        ({"show_chain": True, "answer_only": True}, "exclude each other"),
        ({"chain": "cmd"}, "does not say with which form of chains it was trained"),
        ({"chain": "cmd-v9"}, "no chain template 'cmd-v9'"),
        ({"chain": "json", "chain_prefill": True}, "no beginning that all chains share"),
    ],
)
def test_options_that_contradict_each_other(prompts, tiny_gpt2, changes, reason):
    with pytest.raises(BadSettings, match=reason):
        run(settings(prompts, tiny_gpt2, **changes))


def test_prompts_that_leave_no_room_for_a_chain_are_rejected(tmp_path, chain_model):
    path = tmp_path / "prompts.jsonl"
    texts = ["The weather is", "The weather is lovely today and the train was on time. " * 40]
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    wanted = settings(path, chain_model)
    result = run(wanted)
    assert (result.prompts, result.rejects) == (1, 1)
    assert "exceed the model's context of 512" in Path(f"{wanted.output}.rejects.jsonl").read_text()


def test_a_server_is_asked_the_same_and_cannot_be_begun_for(prompts):
    with faulty_server() as server:
        there = {"engine": "server", "base_url": server.url, "chain": "cmd-v3-code", "chain_retries": 1}
        wanted = settings(prompts, "m", temperature=1.0, **there)
        wanted = wanted.model_copy(update={"device": "auto"})
        assert run(wanted).chains.malformed == 3
        asked = [body["prompt"] for body in server.bodies]
        assert sorted(asked) == sorted(2 * [find_template("cmd-v3-code").ask(one.text) for one in RECORDS])
        assert len({body["seed"] for body in server.bodies}) == 6
        assert {tuple(body["stop"]) for body in server.bodies} == {("# Text:",)}
        for changes, reason in (
            ({"chain": "cmd"}, "does not say with which form"),
            ({"chain_prefill": True}, "a server keeps to itself"),
            ({"max_new_tokens": 5}, "a server keeps to itself"),
        ):
            with pytest.raises(BadSettings, match=reason):
                run(wanted.model_copy(update={**changes, "output": str(prompts.parent / "other.jsonl")}))


def test_stopped_while_drawing_again_and_run_again_gives_the_same_bytes(prompts, chain_model, monkeypatch):
    stop = len(RECORDS) + 1
    hot = {"num_samples": 2, "temperature": 1.6, "chain_tokens": 60, "chain_retries": 1, "batch_tokens": 400}
    whole, stopped = (
        settings(prompts, chain_model, name, **hot) for name in ("whole.jsonl", "stopped.jsonl")
    )
    run(whole)
    append = Journal.append

    def killed(journal: Journal, record: dict) -> None:
        append(journal, record)
        if len(journal) == stop:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            run(stopped)
    assert len(Path(f"{stopped.output}.journal").read_text().splitlines()) == 1 + stop
    assert run(stopped).resumed == len(RECORDS)
    assert Path(stopped.output).read_bytes() == Path(whole.output).read_bytes()
    assert any(attempts > 1 for row in read(whole.output) for attempts in row["attempts"])
