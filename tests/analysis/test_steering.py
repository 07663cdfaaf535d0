"""The strength is searched, not guessed."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.analysis.steering import Strength, find


async def search(kl: Callable[[float], float], *, target: float = 1.0, start: float = 3.0) -> Strength | str:
    async def measure(strength: float) -> float:
        return kl(strength)

    return await find(measure, target=target, tolerance=0.1, start=start, largest=100 * start)


@given(scale=st.floats(1e-3, 1e3), power=st.floats(0.5, 3), target=st.floats(0.05, 5))
async def test_it_meets_the_target_within_the_tolerance(scale: float, power: float, target: float) -> None:
    def kl(strength: float) -> float:
        return scale * (strength / 100) ** power

    found = await search(kl, target=target)

    if kl(300.0) < 0.9 * target:
        assert isinstance(found, str)
    else:
        assert isinstance(found, Strength)
        assert abs(found.kl / target - 1) <= 0.1
        assert found.kl == kl(found.strength)


async def test_a_feature_that_moves_nothing_is_out_of_reach() -> None:
    found = await search(lambda strength: 0.0)

    assert isinstance(found, str)
    assert "out of reach" in found


async def test_a_jump_past_the_target_is_told() -> None:
    found = await search(lambda strength: 0.0 if strength < 5 else 7.0)

    assert isinstance(found, str)
    assert "jumps past" in found


@pytest.mark.parametrize("broken", [math.nan, math.inf])
async def test_a_divergence_that_is_no_number_counts_as_too_strong(broken: float) -> None:
    found = await search(lambda strength: strength if strength < 2 else broken, start=3.0)

    assert isinstance(found, Strength)
    assert found.strength == pytest.approx(1.0, rel=0.1)
