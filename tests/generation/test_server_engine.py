"""The server engine where the server is in trouble: nothing is lost, nothing is asked twice in vain."""

import json
import threading
from pathlib import Path

import pytest

from detox_cli.errors import BadData, BadSettings, DetoxError, Missing
from detox_cli.generation import server_client
from detox_cli.generation.requests import Request, Sample, Sampling, Turn
from detox_cli.generation.server_client import Patience, address
from detox_cli.generation.server_engine import MOST_REFUSED, ServerEngine, find_served
from detox_cli.services.generate.run import run
from detox_cli.settings.generate import GenerateSettings
from tests.generation.faulty_server import FaultyServer, faulty_server

HASTY = Patience(tries=4, first_wait=0.001, timeout=0.4)
SAMPLED = Sampling(max_new_tokens=9, temperature=0.7, top_p=0.9, stop=("\n",))


def engine_of(server: FaultyServer, **options) -> ServerEngine:
    return ServerEngine(find_served(server.url, "m", None), **{"patience": HASTY, **options})


def rows(count: int, samples: int = 1) -> list[Request]:
    return [Request(f"row-{i}", f"prompt {i}", seed=1000 * i, samples=samples) for i in range(count)]


def too_long(body: dict) -> tuple | None:
    """A server whose model can take no prompt with an odd number."""
    if int(body["prompt"].split()[1]) % 2:
        return (400, {}, json.dumps({"error": {"message": "maximum context length is 8\ntokens"}}))
    return None


def test_all_kinds_of_trouble_pass_and_every_row_is_answered_once(monkeypatch):
    waits, said, sleep = [], [], server_client.anyio.sleep

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0.001)

    monkeypatch.setattr(server_client.anyio, "sleep", note)
    busy = (429, {"Retry-After": "7"}, "{}")
    broken = (503, {}, "<h1>no</h1>")
    with faulty_server(faults=[busy, "drop", "garbage", "shape", broken, "slow"]) as server:
        found = list(engine_of(server, concurrency=3, warn=said.append).generate(rows(12), SAMPLED))
    assert sorted(answer.id for answer in found) == sorted(f"row-{i}" for i in range(12))
    answers = {answer.id: answer for answer in found}
    assert answers["row-3"].samples == (Sample(" answer 3000", "stop", 3),)
    assert answers["row-3"].prompt_tokens == 5 and not answers["row-3"].fault
    assert len(server.bodies) == 12 + 6 and len(waits) == 6
    assert 7.0 in waits and all(wait < 0.01 for wait in waits if wait != 7.0)
    assert len(said) == 1 and "makes us wait" in said[0]


def test_a_server_that_stays_broken_is_given_up_with_what_it_said():
    said = pytest.raises(DetoxError, match="failed 4 times, at last with status 500: out of memory")
    with faulty_server(faults=[(500, {}, '{"detail": "out of memory"}')] * 99) as server, said as error:
        list(engine_of(server, concurrency=1).generate(rows(3), SAMPLED))
    assert error.value.exit_code == 1 and "goes on from here" in error.value.hint
    assert len(server.bodies) == 4


def test_stop_texts_that_a_server_leaves_in_are_cut_and_that_is_said_once():
    said = []
    with faulty_server() as server:
        engine = engine_of(server, warn=said.append)
        found = list(engine.generate(rows(3), Sampling(max_new_tokens=9, stop=("swer",))))
    assert {answer.samples for answer in found} == {(Sample(" an", "stop", 3),)}
    assert len(said) == 1 and "leaves stop texts" in said[0]


def test_as_many_requests_as_allowed_are_on_their_way():
    together = threading.Barrier(5, timeout=30)
    with faulty_server(rule=lambda _: together.wait() and None) as server:
        found = list(engine_of(server, concurrency=5, patience=Patience()).generate(rows(20), SAMPLED))
    assert len(found) == 20 and server.most_at_a_time == 5


def test_what_is_sent_is_what_was_asked_for():
    talk = (Turn("system", "Be brief."), Turn("user", "Hello"))
    with faulty_server() as server:
        found = list(engine_of(server).generate([Request("1", talk, seed=2**40 + 5, samples=3)], SAMPLED))
        list(engine_of(server).generate(rows(1), Sampling(top_k=4)))
    first = server.bodies[0]
    assert first["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]
    wanted = {"model": "m", "max_tokens": 9, "temperature": 0.7, "top_p": 0.9, "stop": ["\n"], "seed": 5}
    assert {name: first[name] for name in wanted} == wanted and "top_k" not in first and "n" not in first
    assert [body["seed"] for body in server.bodies[:3]] == [5, 6, 7]
    assert [sample.text for sample in found[0].samples] == [" answer 5", " answer 6", " answer 7"]
    assert server.bodies[3]["top_k"] == 4


def test_vllm_is_asked_for_all_samples_at_once_and_counts_the_tokens_of_each():
    with faulty_server(owner="vllm") as server:
        found = list(engine_of(server).generate(rows(2, samples=3), SAMPLED))
        greedy = list(engine_of(server).generate(rows(1, samples=3), Sampling(temperature=0)))
    assert [body.get("n") for body in server.bodies] == [3, 3, None] and server.bodies[0]["top_k"] == 0
    assert {tuple(sample.tokens for sample in answer.samples) for answer in found} == {(3, 4, 5)}
    assert len(greedy[0].samples) == 3 and len(set(greedy[0].samples)) == 1


def test_a_row_that_the_server_refuses_has_a_fault_and_the_others_are_answered():
    with faulty_server(rule=too_long) as server:
        found = {answer.id: answer for answer in engine_of(server).generate(rows(6), SAMPLED)}
    assert [bool(found[f"row-{i}"].fault) for i in range(6)] == [False, True] * 3
    assert "400: maximum context length is 8 tokens" in found["row-1"].fault and not found["row-1"].samples
    assert len(server.bodies) == 6


def test_an_answer_cut_by_a_filter_is_a_fault_and_no_answer():
    with faulty_server(finish_reason="content_filter") as server:
        found = list(engine_of(server).generate(rows(1), SAMPLED))
    assert "content_filter" in found[0].fault and not found[0].samples


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (404, Missing, "row-0: .* 404: no such model"),
        (401, Missing, "row-0: .* 401: no such model"),
        (400, BadData, "row-.*: .* 400: no such model"),
    ],
)
def test_what_is_wrong_for_all_rows_ends_the_work_and_names_the_first(status, error, reason):
    refuse = (status, {}, '{"message": "no such model"}')
    with faulty_server(rule=lambda _: refuse) as server, pytest.raises(error, match=reason) as raised:
        list(engine_of(server, concurrency=1).generate(rows(40), SAMPLED))
    if status == 404:
        assert raised.value.hint == "the server lists: other"
    assert len(server.bodies) <= MOST_REFUSED + 1


def test_what_a_server_cannot_do_is_refused():
    with faulty_server() as server:
        for sampling in (Sampling(num_beams=2), Sampling(no_repeat_ngram_size=3)):
            with pytest.raises(BadSettings, match="there is no"):
                list(engine_of(server).generate(rows(1), sampling))
    assert not server.bodies
    assert address("http://h:1") == "http://h:1/v1" and address("https://h/api/v1/") == "https://h/api/v1"
    for wrong in ("localhost:8000", "ftp://h/v1", "http://"):
        with pytest.raises(BadSettings, match="no address of a server"):
            address(wrong)


def test_a_server_without_a_list_is_asked_all_the_same_and_what_is_no_server_is_told():
    with faulty_server(list_status=500) as server:
        engine = engine_of(server)
        assert len(list(engine.generate(rows(2), SAMPLED))) == 2 and engine.served.kind == ""
    with faulty_server(list_status=401) as server, pytest.raises(Missing, match="refuses the key"):
        find_served(server.url, "m", None)
    with (
        faulty_server(list_text="<html>hello</html>") as server,
        pytest.raises(Missing, match="does not speak"),
    ):
        find_served(server.url, "m", None)


def test_the_fingerprint_is_the_servers_word_and_not_its_address():
    with faulty_server() as one, faulty_server() as two, faulty_server(owner="vllm") as third:
        prints = [find_served(server.url, "m", None).fingerprint for server in (one, two, third)]
    assert prints[0] == prints[1] != prints[2] and prints[0].startswith("stated:")


def settings(tmp_path: Path, server: FaultyServer, **changes) -> GenerateSettings:
    path = tmp_path / "prompts.txt"
    if not path.exists():
        path.write_text("".join(f"prompt {i}\n" for i in range(20)))
    given = {"model": "m", "input": str(path), "output": str(tmp_path / "out.jsonl"), "engine": "server"}
    return GenerateSettings(**{**given, "base_url": server.url, "concurrency": 1, **changes})


def test_an_interrupted_run_asks_only_for_what_is_missing_and_the_key_is_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("DETOX_API_KEY", "sk-very-secret")
    monkeypatch.setattr("detox_cli.generation.server_engine.Patience", lambda: HASTY)
    with faulty_server() as server:
        server.rule = lambda _: (500, {}, "sorry") if len(server.bodies) > 8 else None
        with pytest.raises(DetoxError, match="failed 4 times"):
            run(settings(tmp_path, server))
        server.rule, before = too_long, len(server.bodies)
    with faulty_server(rule=too_long) as elsewhere:
        result = run(settings(tmp_path, elsewhere))
        assert before == 8 + 4 and len(elsewhere.bodies) == 12
        assert result.resumed == 8 and result.prompts == 8 + 6 and result.rejects == 6
        rejected = (tmp_path / "out.jsonl.rejects.jsonl").read_text()
        assert "maximum context length" in rejected and "prompts.txt:10" in rejected
        again = run(settings(tmp_path, elsewhere))
        assert again == result and len(elsewhere.bodies) == 12
        assert (tmp_path / "out.jsonl.rejects.jsonl").read_text() == rejected
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["prompt"] for row in written] == [f"prompt {i}" for i in range(20) if i < 8 or i % 2 == 0]
    assert written[0]["model"] == "m" and written[0]["model_fingerprint"].startswith("stated:")
    assert server.keys == elsewhere.keys == {"Bearer sk-very-secret"}
    everything = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "very-secret" not in everything


def test_no_server_is_one_line_and_exit_code_4(tmp_path, detox):
    (tmp_path / "prompts.txt").write_text("hello\n")
    words = ("generate", "m", tmp_path / "prompts.txt", "--engine", "server", "--base-url")
    outcome = detox(*words, "http://127.0.0.1:9")
    assert outcome.code == 4 and "error: http://127.0.0.1:9/v1: no server answers" in outcome.err
    assert "start the server, or check --base-url" in outcome.err and "Traceback" not in outcome.err
    missing = detox(*words[:-1])
    assert missing.code == 2 and "needs the address" in missing.err
    wrong = detox(*words, "http://127.0.0.1:9", "--quantize", "4bit")
    assert wrong.code == 2 and "--quantize has no meaning with --engine server" in wrong.err
    planned = detox(*words, "http://127.0.0.1:9", "--dry-run", "--json")
    assert planned.code == 0 and "behind a server" in planned.out
