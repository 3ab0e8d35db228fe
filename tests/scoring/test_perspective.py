"""The Perspective client, against a server on the loopback interface that speaks its protocol."""

import json
import time

import anyio
import numpy as np
import pytest

from detox_cli.data.readers.prompt import Prompt
from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.generation.server_client import Patience
from detox_cli.runs.score_cache import ScoreCache
from detox_cli.scoring import perspective
from detox_cli.scoring.cached import score_with_cache
from detox_cli.scoring.faults import scores_or_faults
from detox_cli.scoring.load import load_text_scorer
from detox_cli.scoring.pacing import TokenBucket
from detox_cli.scoring.protocol import Unavailable
from detox_cli.scoring.spoken import by_language
from detox_cli.scoring.suites import SUITES
from detox_cli.scoring.suites.panel import Panel
from detox_cli.scoring.suites.suite import measure_outputs
from detox_cli.services.eval_generation.generations import Generation
from detox_cli.services.eval_generation.score import Instruments, score_blocks
from detox_cli.services.eval_rewrite.pairwise import styles
from detox_cli.services.eval_rewrite.systems import Item
from tests.perspective_service import problem, serving

KEY = "secret-key-1234"


@pytest.fixture
def service(monkeypatch):
    with serving() as server:
        monkeypatch.setenv("PERSPECTIVE_URL", server.url)
        monkeypatch.setenv("PERSPECTIVE_API_KEY", KEY)
        monkeypatch.setenv("PERSPECTIVE_QPS", "1000")
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setattr(
            perspective, "PATIENCE", Patience(4, first_wait=0.01, longest_wait=0.05, timeout=5)
        )
        yield server


def scorer(name="perspective"):
    found = load_text_scorer(name)
    return perspective.Perspective(
        found.attribute, found.language, found.key, found.url, found.rate, found.record, perspective.PATIENCE
    )


def test_what_is_sent_is_the_protocol_and_nothing_is_stored(service):
    assert scorer("perspective:zh-Hans#insult").score(["four", ""]) == [0.4, 0.1]
    first = next(body for body in service.bodies if body["comment"]["text"] == "four")
    assert first == {
        "comment": {"text": "four", "type": "PLAIN_TEXT"},
        "requestedAttributes": {"INSULT": {}},
        "languages": ["zh"],
        "doNotStore": True,
        "path": "/v1alpha1/comments:analyze",
        "key": KEY,
    }
    assert service.texts() == [" ", "four"]
    assert scorer("perspective#ANY").score(["four"]) == [0.4] and "languages" not in service.bodies[-1]
    assert set(service.bodies[-1]["requestedAttributes"]) == set(perspective.ATTRIBUTES)


def test_passing_errors_are_waited_out_and_permanent_ones_are_not_asked_again(service):
    service.faults += [problem(429, "quota"), problem(503, "busy"), (200, "{}"), (200, "no json")]
    service.rules["foreign"] = problem(400, "Attribute TOXICITY does not support request languages: xx")
    found = scorer().score(["ok", "foreign", "fine!"])
    assert found[::2] == [0.2, 0.5] and np.isnan(found[1])
    assert service.texts().count("foreign") <= 5 and len(service.bodies) == 3 + 4


def test_a_text_that_breaks_the_service_is_one_fault_and_the_others_are_scored(service):
    service.rules["bad"] = problem(500, "Internal error")
    scores, why = scores_or_faults(scorer(), ["fine!", "bad", "ok"])
    assert scores == [0.5, None, 0.2] and "for this one" in why["bad"]
    assert service.texts().count("bad") == 4 and service.texts().count(perspective.PROBE) == 1


def test_each_text_is_sent_in_its_own_language_with_the_attributes_it_can_have(service):
    auto = scorer("perspective#any")
    for lang, text in [("de", "vier"), ("zh-Hans", "si"), ("hi-latn", "char"), ("en", "four"), (None, "any")]:
        assert auto.in_language(lang).score([text]) == [len(text) / 10]
    sent = {body["comment"]["text"]: body for body in service.bodies}
    spoken = {text: body.get("languages") for text, body in sent.items()}
    assert spoken == {"vier": ["de"], "si": ["zh"], "char": ["hi-Latn"], "four": ["en"], "any": None}
    assert set(perspective.ATTRIBUTES) - set(sent["vier"]["requestedAttributes"]) == {"SEXUALLY_EXPLICIT"}
    assert len(sent["four"]["requestedAttributes"]) == len(sent["any"]["requestedAttributes"]) == 7
    assert scorer("perspective:it").in_language("de").language == "it", "the user's word comes first"
    assert auto.in_language("de").identity != auto.in_language("it").identity


def test_what_it_cannot_read_is_not_sent_and_says_why(service):
    auto = scorer().in_language("fi")
    assert np.isnan(auto.score(["viisi"])).all() and "does not read 'fi'" in auto.refusals["viisi"]
    explicit = scorer("perspective#SEXUALLY_EXPLICIT").in_language("de")
    assert np.isnan(explicit.score(["vier"])).all() and "English only" in explicit.refusals["vier"]
    assert service.bodies == []
    service.rules["acht"] = problem(400, "Attribute SEXUALLY_EXPLICIT does not support request languages: de")
    found = scorer("perspective#ANY")
    assert np.isnan(found.score(["acht"])).all(), "asked once more, without what the service names"
    assert [len(body["requestedAttributes"]) for body in service.bodies] == [7, 6]
    assert "refuses it: Attribute SEXUALLY_EXPLICIT" in found.refusals["acht"]


def test_continuations_are_sent_in_the_language_of_their_prompt(service):
    said = [("de", "vier"), ("fi", "viisi"), ("de", "acht")]
    block = [
        Generation(Prompt(id=str(i), text="p", where="", lang=lang), (text, " "))
        for i, (lang, text) in enumerate(said)
    ]
    (rows,) = score_blocks(block, Instruments({"perspective": scorer()}))
    assert [row["toxicity"]["perspective"] for row in rows] == [[0.4, 0.0], [None, 0.0], [0.4, 0.0]]
    assert [body["languages"] for body in service.bodies] == [["de"], ["de"]]
    (fault,) = rows[1]["faults"]
    assert fault["reason"] == "Perspective does not read 'fi'"


class Alike:
    identity = "alike"

    def score(self, pairs):
        return [1.0] * len(pairs)


def test_rewrites_are_sent_in_the_language_of_their_row(service):
    """The service scores by length; a text that stands in two languages is sent in both."""
    rows = [
        ("de", "achtacht", "vier"),
        ("fr", "huithuit", "vier"),
        (None, "x", ""),
        ("de", "achtacht", "zwei!"),
    ]
    langs, sources, outputs = zip(*rows, strict=True)
    panel = Panel(scorer(), Alike())
    parts = measure_outputs(SUITES["clef2024"], panel, sources, outputs, [["vier"]] * 4, langs)
    assert parts.sta.tolist() == pytest.approx([0.6, 0.6, 0, 0.5])
    assert parts.fl[0] == parts.fl[1] == 1 > parts.fl[3]
    asked = [(*body["languages"], body["comment"]["text"]) for body in service.bodies]
    assert sorted(asked) == [("de", "vier"), ("de", "zwei!"), ("fr", "vier")]
    items = [Item(str(i), s, o, (), lang, False, "") for i, (lang, s, o) in enumerate(rows)]
    assert [one.less_than_source for one in styles(panel, items)] == [True, True, False, True]
    asked = [(body.get("languages", ["auto"])[0], body["comment"]["text"]) for body in service.bodies[3:]]
    assert {one for one in asked if one[0] != "de"} == {("auto", "x"), ("fr", "huithuit"), ("fr", "vier")}


def test_by_language_leaves_other_scorers_alone(service):
    langs = ["de", None, "de", "en"]
    plain = load_text_scorer("builtin:lexicon")
    assert by_language(plain, langs) == [(plain, [0, 1, 2, 3])]
    two = load_text_scorer("mean:builtin:lexicon,builtin:lexicon#share")
    assert by_language(two, langs) == [(two, [0, 1, 2, 3])]
    spoken = by_language(load_text_scorer("max:builtin:lexicon,perspective"), langs)
    assert [(one.parts[1].language, places) for one, places in spoken] == [
        ("de", [0, 2]),
        ("auto", [1]),
        ("en", [3]),
    ]


def test_a_service_that_stays_broken_is_an_error_that_keeps_what_is_scored(service, tmp_path, monkeypatch):
    monkeypatch.setattr(perspective.Perspective, "chunk", 1)
    cache = ScoreCache(tmp_path / "scores.sqlite3")
    broken = problem(503, f"broken for {KEY}")
    service.rules |= {"bad": broken, perspective.PROBE: broken}
    for call in (
        lambda: score_with_cache(scorer(), ["longest text", "bad"], cache),
        lambda: scores_or_faults(scorer(), ["longest text", "bad"], cache),
    ):
        with pytest.raises(Unavailable, match="failed 4 times") as caught:
            call()
        assert KEY not in str(caught.value) + repr(scorer()) and "goes on" in caught.value.hint
    assert len(service.bodies) == 1 + 2 * 5, "not each half again: nothing is wrong with the texts"
    service.rules.clear()
    asked = len(service.bodies)
    assert score_with_cache(scorer(), ["longest text", "bad"], cache) == [1.0, 0.3]
    assert [body["comment"]["text"] for body in service.bodies[asked:]] == ["bad"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (problem(403, f"denied {KEY}"), "refuses the key: denied \\*\\*\\*"),
        (problem(400, "API key not valid. Please pass a valid API key."), "refuses the key"),
        (problem(404, "Method not found."), r"\(any more\)"),
    ],
)
def test_a_key_that_is_refused_and_a_service_that_has_gone_end_the_run(service, fault, said):
    service.rules["text"] = fault
    with pytest.raises(Missing, match=said) as caught:
        scorer().score(["text"])
    assert "another scorer" in caught.value.hint and len(service.bodies) == 1


def test_answers_are_recorded_and_replayed_without_key_or_network(service, tmp_path, monkeypatch):
    record = tmp_path / "answers.jsonl"
    monkeypatch.setenv("PERSPECTIVE_RECORD", str(record))
    live = scorer("perspective#ANY").score(["one", "two\u2028lines", "three"])
    assert KEY not in record.read_text()
    monkeypatch.delenv("PERSPECTIVE_API_KEY")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert load_text_scorer(f"perspective:{record}#ANY").score(["one", "two\u2028lines", "three"]) == live
    assert load_text_scorer(f"perspective:{record}").score(["one"]) == [0.3]
    with pytest.raises(BadData, match="gives no score to 1 of 2 texts"):
        score_with_cache(load_text_scorer(f"perspective:{record}"), ["one", "four"])
    with pytest.raises(Missing, match="this run is offline"):
        load_text_scorer("perspective").score(["one"])


def test_one_text_in_two_languages_has_two_answers(service, tmp_path, monkeypatch):
    record = tmp_path / "answers.jsonl"
    monkeypatch.setenv("PERSPECTIVE_RECORD", str(record))
    for lang in ("de", "en"):
        scorer().in_language(lang).score(["gift"])
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    lines[0]["response"]["attributeScores"]["TOXICITY"]["summaryScore"]["value"] = 0.9
    record.write_text("".join(json.dumps(line) + "\n" for line in lines))
    replayed = load_text_scorer(f"perspective:{record}")
    assert [replayed.in_language(lang).score(["gift"]) for lang in ("de", "en")] == [[0.9], [0.4]]
    record.write_text(json.dumps(lines[0]) + "\n")
    assert load_text_scorer(f"perspective:{record}").identity != replayed.identity


def test_the_cache_needs_neither_key_nor_network(service, tmp_path, monkeypatch):
    cache = ScoreCache(tmp_path / "scores.sqlite3")
    before = score_with_cache(scorer(), ["one", "three"], cache)
    monkeypatch.delenv("PERSPECTIVE_API_KEY")
    assert score_with_cache(scorer(), ["three", "one"], cache) == before[::-1]
    with pytest.raises(Missing, match="wants a key") as caught:
        score_with_cache(scorer(), ["three", "new"], cache)
    assert "PERSPECTIVE_API_KEY" in caught.value.hint


def test_the_rate_is_kept(service, monkeypatch):
    monkeypatch.setenv("PERSPECTIVE_QPS", "20")
    began = time.monotonic()
    one = scorer()
    for start in (0, 4):  # two visits to the cache, of two languages
        one.in_language("de" if start else "en").score(
            [f"text {number}" for number in range(start, start + 4)]
        )
    assert time.monotonic() - began >= (8 - 2) / 20, "two at once, then twenty in a second"


def test_a_bucket_lets_a_burst_through_and_then_keeps_the_rate():
    clock, waits = [0.0], []

    async def sleep(seconds):
        waits.append(round(seconds, 6))

    async def take(bucket, times):
        for _ in range(times):
            await bucket.take()

    bucket = TokenBucket(2.0, 3.0, now=lambda: clock[0], sleep=sleep)
    anyio.run(take, bucket, 6)
    assert waits == [0.5, 1.0, 1.5], "three at once; each further one waits behind those before it"
    clock[0] = 100.0
    waits.clear()
    anyio.run(take, bucket, 4)
    assert waits == [0.5], "never more than the burst, however long it was idle"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("perspective#RUDE", "has no 'RUDE'"),
        ("perspective:fi", "does not read 'fi'"),
        ("perspective:./nowhere.jsonl", "no recorded answers"),
    ],
)
def test_a_wrong_name_is_one_line_with_a_way_out(name, said):
    with pytest.raises((BadSettings, Missing), match=said) as caught:
        load_text_scorer(name)
    assert caught.value.hint


def test_a_rate_and_a_recording_that_are_none_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PERSPECTIVE_QPS", "0")
    with pytest.raises(BadSettings, match="PERSPECTIVE_QPS"):
        load_text_scorer("perspective")
    (tmp_path / "rows.jsonl").write_text('{"query": "a", "response": {}}\n')
    with pytest.raises(BadData, match=r"rows\.jsonl:1: .* no recorded answer"):
        load_text_scorer(f"perspective:{tmp_path}/rows.jsonl")
