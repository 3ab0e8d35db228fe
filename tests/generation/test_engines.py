"""Three engines, one contract: the same requests give records of the same shape, by the real thing.

vLLM and the servers run where they are installed; CONTRIBUTING says how to make such an environment.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detox_cli.errors import BadData, BadSettings, Missing
from detox_cli.generation import vllm_start
from detox_cli.generation.load import load_engine
from detox_cli.generation.requests import Completion, Request, Sample, Sampling, Turn
from detox_cli.generation.server_engine import ServerEngine, find_served
from detox_cli.generation.vllm_engine import VllmEngine
from detox_cli.models.adapters import find_adapter
from detox_cli.models.sources import find_model
from tests.generation.real_servers import CPU, is_installed, real_server

MODEL = "builtin:chat"
TALK = (Turn("system", "Rewrite the text."), Turn("user", "this is a silly idea"))
REQUESTS = [
    Request("text", "The weather is", seed=2**40 + 11, samples=3),
    Request("talk", TALK, seed=12, samples=2),
]
GREEDY = Sampling(max_new_tokens=12, temperature=0, top_p=1.0)
SAMPLED = Sampling(max_new_tokens=12, temperature=1.0, top_p=0.9)
ENGINES = ("transformers", "vllm", "transformers server", "vllm server")


def need_vllm() -> None:
    if not is_installed("vllm"):
        pytest.skip("vLLM is not installed")


@pytest.fixture(scope="module")
def vllm_of(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One vLLM for all tests, since it takes long to start: with room for an adapter, and small rounds."""
    need_vllm()
    adapter = request.getfixturevalue("adapter")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CPU.items():
            patch.setenv(name, value)
        engine = VllmEngine(
            find_model(MODEL), adapter=find_adapter(str(adapter)), round_samples=5, enforce_eager=True
        )
        engine.adapter = None
        yield engine


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter of `MODEL` that is not zero."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(3)
    base = AutoModelForCausalLM.from_pretrained(find_model(MODEL).location, dtype=torch.float32)
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False)
    folder = tmp_path_factory.mktemp("adapter")
    get_peft_model(base, config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses of the servers that were asked for so far."""
    running: dict[str, Any] = {}
    yield running
    for manager in running.values():
        manager[0].__exit__(None, None, None)


def served(kind: str, urls: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> ServerEngine:
    location = find_model(MODEL).location
    if kind not in urls:
        manager = real_server(kind, location, tmp_path_factory.mktemp("server") / "log")
        urls[kind] = (manager, manager.__enter__())
    return ServerEngine(find_served(urls[kind][1].url, location, None), concurrency=4)


@pytest.fixture
def engine(request: pytest.FixtureRequest, urls, tmp_path_factory) -> Any:
    name = request.param
    if name == "transformers":
        return load_engine(find_model(MODEL), device="cpu")
    if name == "vllm":
        return request.getfixturevalue("vllm_of")
    return served(name.partition(" ")[0], urls, tmp_path_factory)


def answers_of(engine, requests=REQUESTS, sampling=GREEDY, done=()) -> dict[str, Completion]:
    return {answer.id: answer for answer in engine.generate(requests, sampling, done)}


def unspaced(answers: dict[str, Completion]) -> dict[str, Completion]:
    """Servers decode an answer in their own way: with or without the prompt's end, and so its first space."""
    return {
        name: replace(answer, samples=tuple(replace(one, text=one.text.lstrip()) for one in answer.samples))
        for name, answer in answers.items()
    }


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_same_requests_give_the_same_record(engine):
    """Shape, order and counts; and in greedy decoding, the very same words and token counts."""
    found = answers_of(engine)
    wanted = answers_of(load_engine(find_model(MODEL), device="cpu"))
    assert (unspaced(found) == unspaced(wanted)) if hasattr(engine, "served") else (found == wanted)
    drawn = answers_of(engine, sampling=SAMPLED)
    assert [len(drawn[name].samples) for name in ("text", "talk")] == [3, 2]
    for answer in drawn.values():
        assert (answer.seed, answer.prompt_tokens) == (
            wanted[answer.id].seed,
            wanted[answer.id].prompt_tokens,
        )
        for sample in answer.samples:
            assert type(sample) is Sample and sample.finish_reason in ("stop", "length")
            assert 1 <= sample.tokens <= 12 and (sample.finish_reason == "stop" or sample.tokens == 12)
    assert {"engine", "model", "fingerprint", "kind"} <= set(engine.identity)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_stop_text_ends_an_answer_and_is_cut_off(engine):
    plain = answers_of(engine)["text"].samples[0]
    stop = plain.text[4:7]
    cut = answers_of(engine, sampling=replace(GREEDY, stop=(stop,)))["text"].samples[0]
    assert cut.text == plain.text[: plain.text.index(stop)] and cut.finish_reason == "stop"
    assert cut.tokens < plain.tokens


@pytest.mark.parametrize("engine", ("vllm", "vllm server"), indirect=True)
def test_seeds_belong_to_rows_and_samples(engine):
    together = answers_of(engine, sampling=SAMPLED)
    for asked in REQUESTS:
        assert (
            answers_of(engine, [replace(asked, samples=2)], SAMPLED)[asked.id].samples
            == (together[asked.id].samples[:2])
        )
    assert len({sample.text for sample in together["text"].samples}) > 1
    other = answers_of(engine, [replace(asked, seed=5) for asked in REQUESTS], SAMPLED)
    assert all(other[name].samples != together[name].samples for name in together)


def test_vllm_and_its_server_draw_the_same_samples(vllm_of, urls, tmp_path_factory):
    behind = served("vllm", urls, tmp_path_factory)
    assert unspaced(answers_of(behind, sampling=SAMPLED)) == unspaced(answers_of(vllm_of, sampling=SAMPLED))
    assert behind.identity["server"] == "vllm" and behind.identity["root"] == find_model(MODEL).location


def test_vllm_resumes_bit_for_bit(vllm_of):
    requests = [Request(str(i), f"You are {'so ' * i}", seed=i, samples=2) for i in range(9)]
    whole = answers_of(vllm_of, requests, SAMPLED)
    done = {"0", "1", "3", "4", "8"}
    resumed = answers_of(vllm_of, requests, SAMPLED, done)
    assert resumed == {name: answer for name, answer in whole.items() if name not in done}
    assert answers_of(vllm_of, requests, SAMPLED, done={str(i) for i in range(9)}) == {}


@pytest.mark.parametrize("engine", ("vllm", "vllm server"), indirect=True)
def test_more_prompts_than_fit_into_one_step_are_answered(engine, monkeypatch):
    if hasattr(engine, "served"):
        engine.concurrency = 300
    else:
        monkeypatch.setattr(engine, "round_samples", 300)
    requests = [
        Request(str(i), f"{i} Please read the second page, {'and ' * 20}", seed=i) for i in range(300)
    ]
    found = answers_of(engine, requests, replace(SAMPLED, max_new_tokens=2))
    assert sum(answer.prompt_tokens for answer in found.values()) > 2 * 4096
    assert len(found) == 300 and not any(answer.fault for answer in found.values())


def test_vllm_reads_a_shared_beginning_once(vllm_of, monkeypatch):
    read, plain = [], vllm_of._completion

    def listening(request, prompt, sampling, output):
        read.append(len(prompt.ids) - output.num_cached_tokens)
        return plain(request, prompt, sampling, output)

    monkeypatch.setattr(vllm_of, "_completion", listening)
    monkeypatch.setattr(vllm_of, "round_samples", 40)
    requests = [Request(str(i), f"{'Please read it and ' * 100}{i}", seed=i) for i in range(40)]
    sampling = replace(GREEDY, max_new_tokens=3)
    found = answers_of(vllm_of, requests, sampling)
    assert sum(answer.prompt_tokens for answer in found.values()) > 4 * sum(read)
    assert found == answers_of(load_engine(find_model(MODEL), device="cpu"), requests, sampling)


def test_vllm_puts_the_adapter_on_as_transformers_does(vllm_of, request, monkeypatch):
    found = find_adapter(str(request.getfixturevalue("adapter")))
    monkeypatch.setattr(vllm_of, "adapter", found)
    adapted = answers_of(vllm_of)
    wanted = answers_of(load_engine(find_model(MODEL), device="cpu", adapter=found))
    assert {name: answer.samples for name, answer in adapted.items()} == {
        name: answer.samples for name, answer in wanted.items()
    }
    monkeypatch.setattr(vllm_of, "adapter", None)
    assert answers_of(vllm_of)["text"].samples != adapted["text"].samples


def test_an_adapter_of_another_model_is_refused_by_vllm(adapter, tiny_causal):
    need_vllm()
    with pytest.raises(BadSettings, match="does not fit the model"):
        VllmEngine(find_model(str(tiny_causal)), adapter=find_adapter(str(adapter)))


def test_what_vllm_cannot_do_is_said(vllm_of):
    with pytest.raises(BadSettings, match="no beam search"):
        answers_of(vllm_of, sampling=Sampling(num_beams=2))
    with pytest.raises(BadData, match=r"^long: prompt of .* exceed the model's context"):
        answers_of(vllm_of, [Request("long", "read " * 3000, 0)])


@pytest.mark.parametrize("engine", ("transformers server", "vllm server"), indirect=True)
def test_a_server_names_what_it_cannot_do(engine):
    unknown = ServerEngine(replace(engine.served, id="no-such-model"))
    with pytest.raises((Missing, BadData), match="text: the server refuses it with 4") as raised:
        answers_of(unknown, REQUESTS[:1] * 20)
    assert "no-such-model" in str(raised.value)
    if engine.served.kind == "vllm":
        long = Request("long", "read " * 600, 0)
        assert "512" in answers_of(engine, [*REQUESTS, long])["long"].fault


def test_without_vllm_the_way_to_get_it_is_said(monkeypatch, detox, tiny_causal, tmp_path):
    monkeypatch.setattr(vllm_start.importlib.util, "find_spec", lambda _: None)
    (tmp_path / "prompts.txt").write_text("hello\n")
    outcome = detox("generate", tiny_causal, tmp_path / "prompts.txt", "--engine", "vllm")
    assert outcome.code == 4 and "pip install 'detox-cli[vllm]'" in outcome.err


def test_encoder_decoders_are_not_for_vllm(monkeypatch, detox, tiny_seq2seq, tmp_path):
    monkeypatch.setattr("detox_cli.services.engine.require_vllm", lambda: None)
    (tmp_path / "prompts.txt").write_text("hello\n")
    outcome = detox("generate", tiny_seq2seq, tmp_path / "prompts.txt", "--engine", "vllm")
    assert outcome.code == 2 and "encoder-decoder, which vLLM does not run" in outcome.err
