import pytest
from hypothesis import given
from hypothesis import strategies as st

from detox_cli.statistics.shares import share_interval


def test_published_values():
    # Newcombe (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29
    for hits, n, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        share = share_interval([True] * hits + [False] * (n - hits))
        assert (share.mean, share.n) == (hits / n, n)
        assert [share.low, share.high] == pytest.approx([low, high], abs=0.00005)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_interval_holds_the_share_and_mirrors(hits):
    share, mirror = share_interval(hits), share_interval([not hit for hit in hits])
    assert 0 <= share.low <= share.mean <= share.high <= 1
    assert share.high > share.low, "no sample is certain"
    assert mirror.low == pytest.approx(1 - share.high, abs=1e-12)


def test_no_rows_no_share():
    with pytest.raises(ValueError):
        share_interval([])
