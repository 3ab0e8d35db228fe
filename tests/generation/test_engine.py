"""What an engine promises: per-row seeds, resuming bit for bit, stops, limits, little memory."""

from dataclasses import replace

import pytest
import torch

from detox_cli.errors import BadData, BadSettings, DetoxError
from detox_cli.generation import attention
from detox_cli.generation.batch_run import BatchRun
from detox_cli.generation.requests import Request, Sampling
from detox_cli.generation.sampling import uniforms
from tests.generation.conftest import PREFIX, PROMPTS, engine_of, greedy_alone

SAMPLED = Sampling(max_new_tokens=10, temperature=1.0, top_p=0.9)
FAMILIES = ("tiny_causal", "tiny_gpt2", "tiny_bloom", "tiny_seq2seq", "tiny_mamba")


def requests_for(prompts=PROMPTS, samples=3):
    return [Request(f"row-{i}", text, seed=100 + i, samples=samples) for i, text in enumerate(prompts)]


def answers_of(engine, requests, sampling=SAMPLED, done=()):
    found = {answer.id: answer for answer in engine.generate(requests, sampling, done)}
    assert len(found) == len({r.id for r in requests} - set(done))
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_done_is_not_given_again_and_changes_nothing_else(family, request):
    engine = engine_of(request.getfixturevalue(family), batch_rows=7)
    requests = requests_for([PREFIX + text for text in PROMPTS])
    whole = answers_of(engine, requests)
    done = {"row-1", "row-3", "row-4"}
    resumed = answers_of(engine, requests, done=done)
    assert resumed == {name: answer for name, answer in whole.items() if name not in done}
    assert answers_of(engine, requests, done={r.id for r in requests}) == {}


def test_batches_that_are_done_are_not_computed(tiny_causal, monkeypatch):
    engine = engine_of(tiny_causal, batch_rows=1)
    computed = []
    plain = BatchRun.answer
    monkeypatch.setattr(
        BatchRun, "answer", lambda run, batch: computed.append(batch[0].request) or plain(run, batch)
    )
    answers_of(engine, requests_for(samples=1), done={"row-0", "row-2", "row-5"})
    assert sorted(computed) == [1, 3, 4]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_rows_samples_depend_on_its_seed_alone(family, request):
    engine = engine_of(request.getfixturevalue(family))
    together = answers_of(engine, requests_for())
    for asked in requests_for()[::2]:
        assert answers_of(engine, [asked])[asked.id] == together[asked.id]
    other = answers_of(engine, [replace(asked, seed=asked.seed + 1) for asked in requests_for()])
    assert all(other[name].samples != together[name].samples for name in together)
    assert len({sample.text for sample in together["row-0"].samples}) > 1


def test_more_samples_begin_with_the_same_ones(tiny_causal):
    engine = engine_of(tiny_causal, batch_rows=4)
    few, many = answers_of(engine, requests_for(samples=2)), answers_of(engine, requests_for(samples=9))
    assert all(many[name].samples[:2] == few[name].samples for name in few)


def test_sampling_equals_a_plain_loop_with_the_same_numbers(tiny_gpt2):
    """The engine's sample is the one that inverting the distribution by hand gives, step by step."""
    engine = engine_of(tiny_gpt2)
    sampling = Sampling(max_new_tokens=8, temperature=1.3, top_p=1.0)
    answer = answers_of(engine, requests_for(samples=2), sampling)["row-2"]
    for number, sample in enumerate(answer.samples):
        ids = engine.tokenizer(PROMPTS[2], return_tensors="pt").input_ids
        start = ids.shape[1]
        for uniform in uniforms([(102, number)], 8)[0, :, 0]:
            with torch.inference_mode():
                logits = engine.model(ids).logits[0, -1].double() / 1.3
            token = int((logits.softmax(-1).cumsum(-1) <= uniform).sum())
            if token == engine.tokenizer.eos_token_id:
                break
            ids = torch.cat([ids, torch.tensor([[token]])], 1)
        assert sample.text == engine.tokenizer.decode(ids[0, start:], skip_special_tokens=True)


def test_a_stop_text_ends_a_row_and_is_cut_off(tiny_causal):
    engine = engine_of(tiny_causal)
    plain = answers_of(engine, requests_for(samples=1))["row-0"].samples[0]
    stop = plain.text[4:6]
    cut = answers_of(engine, requests_for(samples=1), replace(SAMPLED, stop=(stop,)))["row-0"].samples[0]
    assert cut.text == plain.text[: plain.text.index(stop)]
    assert cut.finish_reason == "stop" and cut.tokens < plain.tokens


@pytest.mark.parametrize("family", ["tiny_mamba", "tiny_seq2seq"])
def test_a_stop_text_cuts_what_the_library_wrote(family, request):
    engine, sampling = engine_of(request.getfixturevalue(family)), Sampling(max_new_tokens=8, num_beams=2)
    plain = answers_of(engine, requests_for(samples=1), sampling)["row-2"].samples[0]
    stop = plain.text[3:5]
    cut = answers_of(engine, requests_for(samples=1), replace(sampling, stop=(stop,)))["row-2"].samples[0]
    assert (cut.text, cut.finish_reason) == (plain.text[: plain.text.index(stop)], "stop")


def test_attention_in_parts_is_the_same_attention(tiny_causal, monkeypatch):
    engine, asked = engine_of(tiny_causal), requests_for([PREFIX + text for text in PROMPTS])
    whole = answers_of(engine, asked)
    monkeypatch.setattr(attention, "MOST_SCORES", 1000)
    assert answers_of(engine, asked) == whole


def test_the_reasons_to_finish_are_told_apart(tiny_causal):
    engine = engine_of(tiny_causal)
    text = PROMPTS[0]
    third = greedy_alone(engine, text, 3)[2]
    engine.model.generation_config.eos_token_id = [2, third]
    asked = [Request("1", text, 0)]
    greedy = Sampling(max_new_tokens=12, temperature=0)
    stopped = answers_of(engine, asked, greedy)["1"].samples[0]
    assert stopped.finish_reason == "stop" and stopped.tokens == 3
    short = answers_of(engine, asked, replace(greedy, max_new_tokens=2))["1"].samples[0]
    assert short.finish_reason == "length" and short.tokens == 2


def test_the_models_own_rules_hold(tiny_causal):
    engine = engine_of(tiny_causal)
    engine.model.generation_config.repetition_penalty = 1.8
    greedy = Sampling(max_new_tokens=12, temperature=0, no_repeat_ngram_size=2)
    engine.model.generation_config.no_repeat_ngram_size = 2
    answers = answers_of(engine, requests_for([PREFIX + text for text in PROMPTS], samples=1), greedy)
    for number, text in enumerate(PROMPTS):
        ids = greedy_alone(engine, PREFIX + text, 12)
        assert answers[f"row-{number}"].samples[0].text == engine.tokenizer.decode(
            ids, skip_special_tokens=True
        )


def test_a_prompt_beyond_the_context_is_named(tiny_causal):
    engine = engine_of(tiny_causal)
    requests = [Request("short", "You", 0), Request("long", "read " * 600, 0)]
    assert list(engine.reader.faults(requests, SAMPLED)) == ["long"]
    with pytest.raises(BadData, match=r"^long: prompt of .* exceed the model's context of 512"):
        next(engine.generate(requests, SAMPLED))


def test_a_batch_that_does_not_fit_is_halved_and_said(tiny_causal, monkeypatch):
    said = []
    engine = engine_of(tiny_causal, warn=said.append)
    wanted = answers_of(engine, requests_for(samples=8))
    plain = BatchRun.answer

    def tight(run, batch):
        if sum(job.count for job in batch) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(run, batch)

    monkeypatch.setattr(BatchRun, "answer", tight)
    assert answers_of(engine, requests_for(samples=8)) == wanted
    assert "out of memory with 48 rows, halved" in said[0]
    monkeypatch.setattr(BatchRun, "answer", lambda run, batch: tight(run, batch * 6))
    with pytest.raises(DetoxError, match="one row does not fit"):
        answers_of(engine, requests_for(samples=1))


@pytest.mark.parametrize("family", ["tiny_seq2seq", "tiny_t5", "tiny_causal"])
def test_beams_equal_model_generate(family, request):
    engine = engine_of(request.getfixturevalue(family), batch_rows=8)
    answers = answers_of(engine, requests_for(samples=2), Sampling(max_new_tokens=8, num_beams=4))
    for number, text in enumerate(PROMPTS):
        batch = engine.tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            written = engine.model.generate(
                batch.input_ids,
                attention_mask=batch.attention_mask,
                num_beams=4,
                num_return_sequences=2,
                max_new_tokens=8,
                do_sample=False,
                pad_token_id=1,
            )
        start = 1 if engine.encoder_decoder else batch.input_ids.shape[1]
        wanted = [engine.tokenizer.decode(row[start:], skip_special_tokens=True) for row in written]
        assert [sample.text for sample in answers[f"row-{number}"].samples] == wanted


def test_fewer_beams_than_samples_are_refused(tiny_seq2seq):
    with pytest.raises(BadSettings, match="2 beams cannot give more"):
        next(engine_of(tiny_seq2seq).generate(requests_for(samples=3), Sampling(num_beams=2)))


def test_the_identity_names_what_decides_the_bits(tiny_causal, tiny_mamba):
    said = []
    fast, slow = engine_of(tiny_causal, batch_tokens=999), engine_of(tiny_mamba, warn=said.append)
    assert fast.identity["loop"] == "shared" and fast.identity["batch_tokens"] == "999"
    assert len(fast.identity["fingerprint"]) == 16
    assert slow.identity["loop"] == "generate" and "one prompt at a time" in said[0]
