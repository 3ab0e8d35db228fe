"""Losses of a causal judge against the model alone: one row at a time, no cache, no padding."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from detox_cli.errors import BadSettings
from detox_cli.models.loading import Loaded, load_causal
from detox_cli.models.sources import find_model
from detox_cli.scoring import perplexity
from detox_cli.scoring.losses import Loss, windows_of
from detox_cli.scoring.perplexity import (
    continuation_ids,
    continuation_losses,
    corpus_perplexity,
    own_opening,
    plain_ids,
    text_losses,
)

TEXTS = (
    "The weather is lovely today and the train was on time.",
    "Please read the second page before you answer, and take your time. " * 6,
    "",
    "I",
)
PROMPTS = ("The weather is", "Please read the second page before", "The weather is", "")
SAID = (
    [" lovely today.", " on time", "", " lovely today."],
    [" you answer", ", and take your time, and read the page, you know nothing about it.", "?"],
    [" a silly comment", " on time"],
    ["I cannot", "ab"],
)


@pytest.fixture(scope="module", params=["tiny_causal", "tiny_gpt2"])
def judge(request: pytest.FixtureRequest) -> Loaded:
    """A judge with rotary positions, and one with learned ones; their tokenizer opens every text."""
    return load_causal(find_model(str(request.getfixturevalue(request.param))), "cpu", "float32")


@torch.inference_mode()
def alone(judge: Loaded, ids: list[int], first: int) -> float:
    """-ln p of the tokens from ``first`` on, by log_softmax in float64, in one plain pass."""
    if len(ids) < 2:
        return 0.0
    logits = judge.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].double()
    chances = logits.log_softmax(-1)
    return -sum(float(chances[i - 1, ids[i]]) for i in range(max(first, 1), len(ids)))


def test_texts_are_apart_and_each_token_counts_once(judge: Loaded) -> None:
    losses = text_losses(judge, TEXTS, window=512)
    for text, loss in zip(TEXTS, losses, strict=True):
        ids = plain_ids(judge.tokenizer, text)
        assert (loss.tokens, loss.unscored) == (len(ids), 0)
        assert loss.nats == pytest.approx(alone(judge, [0, *ids], 1), rel=1e-5)
    total = sum(losses, Loss())
    assert corpus_perplexity(losses).mean == pytest.approx(math.exp(total.nats / total.tokens))


def test_without_an_opening_the_first_token_has_nothing_to_predict_it(judge: Loaded) -> None:
    text_loss, empty, one = text_losses(judge, [TEXTS[0], "", "I"], opening=())
    ids = plain_ids(judge.tokenizer, TEXTS[0])
    assert (text_loss.tokens, text_loss.unscored) == (len(ids) - 1, 1)
    assert text_loss.nats == pytest.approx(alone(judge, ids, 1), rel=1e-5)
    assert (empty, one) == (Loss(), Loss(0.0, 0, 1))
    assert math.isnan(one.perplexity)


@pytest.mark.parametrize(("stride", "opening"), [(7, (0,)), (19, (0,)), (20, ()), (5, ())])
def test_windows(judge: Loaded, stride: int, opening: tuple[int, ...]) -> None:
    """Long texts: window by window, each token in the first window that reaches it."""
    ids, size, room = plain_ids(judge.tokenizer, TEXTS[1]), 20, 20 - len(opening)
    wanted, reached, predicted = 0.0, 0, 0
    for start in range(0, len(ids), stride):
        end = min(start + room, len(ids))
        first = max(reached, start if opening else start + 1)
        window = [*opening, *ids[start:end]]
        wanted += alone(judge, window, first - start + len(opening))
        predicted, reached = predicted + max(0, end - first), end
        if end == len(ids):
            break
    (loss,) = text_losses(judge, [TEXTS[1]], window=size, stride=stride, opening=opening)
    assert loss.nats == pytest.approx(wanted, rel=1e-5)
    assert (loss.tokens, loss.unscored) == (predicted, len(ids) - predicted)
    assert (loss.unscored > 1) == (stride == size)  # windows that do not overlap lose a token each


def test_a_window_needs_room(judge: Loaded) -> None:
    with pytest.raises(BadSettings, match="no room"):
        text_losses(judge, ["a"], window=2)


@pytest.mark.parametrize("batch_tokens", [30, 8192])
@pytest.mark.parametrize("loop", ["shared", "generate"])
def test_continuations_equal_the_joined_ids_alone(
    judge: Loaded, batch_tokens: int, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if loop == "generate":
        monkeypatch.setattr(perplexity, "prove", lambda model: "generate")
    counts: list[int] = []
    found = continuation_losses(judge, PROMPTS, SAID, batch_tokens=batch_tokens, done=counts.append)
    for prompt, texts, losses in zip(PROMPTS, SAID, found, strict=True):
        head = [0, *plain_ids(judge.tokenizer, prompt)]
        for text, loss in zip(texts, losses, strict=True):
            tail = continuation_ids(judge.tokenizer, text)
            assert (loss.tokens, loss.unscored) == (len(tail), 0)
            assert loss.nats == pytest.approx(alone(judge, [*head, *tail], len(head)), rel=1e-4, abs=1e-9)
    assert sum(counts) == 8  # of eleven, one is empty and two are there twice


def test_a_continuation_beyond_the_context_is_read_in_windows(judge: Loaded) -> None:
    long = " you know nothing about it" * 150
    ((loss, short),) = continuation_losses(judge, ["The weather"], [[long, " is lovely"]])
    assert loss.tokens == len(continuation_ids(judge.tokenizer, long)) > 512
    assert 0 < loss.mean < 10 and short.tokens == len(continuation_ids(judge.tokenizer, " is lovely"))


def test_memory_that_is_too_small_halves_the_batches(judge: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = continuation_losses(judge, PROMPTS, SAID), text_losses(judge, TEXTS)
    forward: Callable[..., object] = type(judge.model).forward

    def small(self, input_ids, **inputs):
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError
        return forward(self, input_ids=input_ids, **inputs)

    monkeypatch.setattr(perplexity, "prove", lambda model: "plain")
    monkeypatch.setattr("detox_cli.scoring.losses.takes", lambda model, name: False)
    monkeypatch.setattr(type(judge.model), "forward", small)
    found = continuation_losses(judge, PROMPTS, SAID), text_losses(judge, TEXTS)
    for one, other in zip(
        (x for row in wanted[0] for x in row), (x for row in found[0] for x in row), strict=True
    ):
        assert one.nats == pytest.approx(other.nats, rel=1e-4, abs=1e-9)
    assert [x.nats for x in found[1]] == pytest.approx([x.nats for x in wanted[1]], rel=1e-5)


def test_openings_and_seams_of_tokenizers(pieces: list[tuple[str, float]], tiny_gpt2: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    kind = Tokenizer(models.Unigram([("<unk>", 0.0), ("\n", -1.0), *pieces], unk_id=0))
    kind.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    kind.decoder = decoders.Metaspace(prepend_scheme="first")
    spaced = PreTrainedTokenizerFast(tokenizer_object=kind)  # puts a space before every text, as Llama 2 does
    assert own_opening(spaced) == ()
    assert plain_ids(spaced, "time") == plain_ids(spaced, " time") == continuation_ids(spaced, " time")
    for head, tail in (("on", " time"), ("over", "time")):
        assert spaced.decode([*plain_ids(spaced, head), *continuation_ids(spaced, tail)]) == head + tail
    bytes_ = AutoTokenizer.from_pretrained(tiny_gpt2)
    assert own_opening(bytes_) == (0,)
    for text in (" time", "time", "\n\ntime", "  two"):
        assert bytes_.decode(continuation_ids(bytes_, text)) == text


def test_a_row_without_targets_has_no_windows() -> None:
    assert windows_of(0, (), 0, (0,), 8, 4) == []
    assert windows_of(0, (5, 6), 2, (), 8, 4) == []
    assert [w.scored for w in windows_of(0, range(9), 4, (), 4, 2)] == [2, 2, 1]
