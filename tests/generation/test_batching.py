"""Plans hold everything once and keep to their budget; prefixes are common and leave a token."""

from hypothesis import given
from hypothesis import strategies as st

from detox_cli.generation.batching import Work, common_prefix, plan_batches

WORK = st.lists(st.builds(Work, st.integers(1, 60), st.integers(1, 9)), max_size=30)


@given(WORK, st.integers(1, 20), st.integers(1, 600), st.integers(1, 12))
def test_every_sample_is_planned_once_within_the_budget(work, new_tokens, batch_tokens, batch_rows):
    batches = plan_batches(work, new_tokens, batch_tokens, batch_rows)
    planned = [(job.request, job.first + i) for batch in batches for job in batch for i in range(job.count)]
    assert sorted(planned) == [(i, s) for i, item in enumerate(work) for s in range(item.samples)]
    for batch in batches:
        rows = sum(job.count for job in batch)
        longest = max(work[job.request].prompt_tokens for job in batch) + new_tokens
        assert rows == 1 or (rows <= batch_rows and rows * longest <= batch_tokens)


@given(WORK)
def test_long_prompts_come_first(work):
    order = [job.request for batch in plan_batches(work, 8, 256, 8) for job in batch]
    lengths = [work[request].prompt_tokens for request in order]
    assert lengths == sorted(lengths, reverse=True)


TOKENS = st.lists(st.integers(0, 3), min_size=1, max_size=8).map(tuple)


@given(TOKENS, st.lists(TOKENS, min_size=2, max_size=6))
def test_the_common_prefix_is_the_longest_that_leaves_a_token(head, tails):
    prompts = [head + tail for tail in tails]
    length = common_prefix(prompts)
    assert length >= len(head)
    assert len({prompt[:length] for prompt in prompts}) == 1
    assert all(len(prompt) > length for prompt in prompts)
    longer_fits = all(len(prompt) > length + 1 for prompt in prompts)
    assert not (longer_fits and len({prompt[: length + 1] for prompt in prompts}) == 1)


def test_one_prompt_has_nothing_in_common_with_others():
    assert common_prefix([(1, 2, 3)]) == 0
    assert common_prefix([]) == 0
