from hypothesis import given
from hypothesis import strategies as st

from detox_cli.scoring.batching import token_batches

LENGTHS = st.lists(st.integers(1, 60), max_size=80)


@given(LENGTHS, st.integers(1, 200))
def test_batches_hold_every_text_once_within_the_budget(lengths, budget):
    batches = token_batches(lengths, budget)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget


@given(LENGTHS, st.integers(60, 400))
def test_sorting_wastes_no_more_than_arrival_order(lengths, budget):
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in token_batches(lengths, budget))
    size = max(1, budget // 60)
    arriving = [lengths[i : i + size] for i in range(0, len(lengths), size)]
    assert padded <= sum(len(batch) * max(batch) for batch in arriving) + budget


@given(LENGTHS, st.integers(1, 200))
def test_lengths_fall_from_batch_to_batch(lengths, budget):
    order = [lengths[i] for batch in token_batches(lengths, budget) for i in batch]
    assert order == sorted(lengths, reverse=True)
