"""The engine writes what ``model.generate`` writes, token for token, however it shares and pads."""

import pytest

from detox_cli.generation.batch_run import BatchRun
from detox_cli.generation.requests import Request, Sampling
from detox_cli.scoring import batching
from tests.generation.conftest import PREFIX, PROMPTS, engine_of, greedy_alone

END = 2
GREEDY = Sampling(max_new_tokens=12, temperature=0)
LOOPS = {
    "tiny_causal": "shared",
    "tiny_gpt2": "shared",
    "tiny_sliding": "plain",
    "tiny_bloom": "expanded",
    "tiny_seq2seq": "plain",
    "tiny_t5": "plain",
    "tiny_mamba": "generate",
}


@pytest.fixture
def written_tokens(monkeypatch):
    """Token ids of every row as the engine decodes them, by the text of the prompt."""
    seen: dict[int, list[list[int]]] = {}
    plain = BatchRun._sample

    def note(run, job, row):
        seen.setdefault(job.request, []).append([token for token in row.tokens if token != END])
        return plain(run, job, row)

    monkeypatch.setattr(BatchRun, "_sample", note)
    return seen


@pytest.mark.parametrize("family", LOOPS)
@pytest.mark.parametrize(
    ("prefix", "enough"),
    [("", batching.ENOUGH), (PREFIX, batching.ENOUGH), (PREFIX, 1)],
    ids=["alone", "shared-prefix", "read-in-passes"],
)
def test_greedy_equals_model_generate(family, prefix, enough, request, written_tokens, monkeypatch):
    monkeypatch.setattr(batching, "ENOUGH", enough)
    engine = engine_of(request.getfixturevalue(family))
    assert engine.loop == LOOPS[family]
    prompts = [prefix + text for text in PROMPTS]
    requests = [Request(str(i), text, seed=i) for i, text in enumerate(prompts)]
    answers = {answer.id: answer for answer in engine.generate(requests, GREEDY)}
    assert len(answers) == len(prompts)
    for i, text in enumerate(prompts):
        wanted = greedy_alone(engine, text, GREEDY.max_new_tokens)
        assert answers[str(i)].samples[0].tokens == len(wanted)
        assert written_tokens[i] == [[token for token in wanted if token != END]]
