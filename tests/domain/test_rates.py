"""Turns at a bucket: never faster than the rate, but for what had gathered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.rates import next_turn

SECONDS = st.floats(min_value=0, max_value=100)


@given(
    asked=st.lists(st.tuples(SECONDS, st.floats(min_value=0, max_value=10)), min_size=1, max_size=50),
    burst=st.floats(min_value=0, max_value=5),
)
def test_in_any_stretch_of_time_no_more_starts_than_the_rate_allows(
    asked: list[tuple[float, float]], burst: float
) -> None:
    now, due = 1_000.0, 0.0
    starts: list[tuple[float, float]] = []
    for pause, cost in asked:
        now += pause
        due, wait = next_turn(due, now, cost, burst)
        starts.append((now + wait, cost))

    moments = [moment for moment, _ in starts]
    assert moments == pytest.approx(sorted(moments), abs=1e-6)
    for i, (first, _) in enumerate(starts):
        for j in range(i, len(starts)):
            # All but the last of a stretch must be paid for within it, or have gathered before.
            taken = sum(cost for _, cost in starts[i:j])
            assert taken <= starts[j][0] - first + burst + 1e-6


def test_an_unused_bucket_lets_the_next_one_start_at_once() -> None:
    due, wait = next_turn(0.0, now=50.0, cost=3.0, burst=1.0)

    assert (52.0, 0.0) == (due, wait)
    assert (55.0, 2.0) == next_turn(due, now=50.0, cost=3.0, burst=1.0)
