"""Short windows are cut around peaks, apart from each other, and no longer or shorter where the feature is silent."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.scorers._short_windows import Cut, apart, as_long, by_square, is_whole


def example(
    context: int, start: int, peak: int, activation: float, group: Group | None = None, length: int = 32
) -> Example:
    return Example(
        split=Split.SCORE,
        group=group or Group(Kind.QUANTILE, 0),
        context=context,
        document=context,
        start=start,
        peak=peak,
        tokens=tuple(range(length)),
        pieces=tuple(f" {start + i}" for i in range(length)),
        activations=tuple(activation * (i == peak) for i in range(length)),
    )


def test_windows_that_would_show_a_token_of_a_stronger_one_are_left_out() -> None:
    strong, near, far, elsewhere = (
        example(0, 0, 16, 5.0),
        example(0, 20, 16, 4.0),  # peak at 36: shows 26 to 46, and the first shows 6 to 26
        example(0, 21, 16, 3.0),
        example(1, 0, 16, 2.0),
    )

    assert apart([far, near, elsewhere, strong]) == [strong, far, elsewhere]
    assert Cut.around_peak(strong, "").overlaps(Cut.around_peak(near, ""))
    assert not Cut.around_peak(strong, "").overlaps(Cut.around_peak(far, ""))


def test_a_window_drawn_for_two_groups_is_there_once() -> None:
    top = example(0, 0, 16, 5.0, Group(Kind.TOP))

    assert len(apart([top, replace(top, group=Group(Kind.QUANTILE, 9))])) == 1


def test_weaker_windows_are_drawn_by_the_square_of_their_activation_and_the_share_of_their_quantile() -> None:
    # Of the first quantile two windows are kept, of the second one: each of the two stands for half as many peaks.
    kept = [
        example(0, 0, 16, 1.0),
        example(1, 0, 16, 2.0),
        example(2, 0, 16, 3.0, Group(Kind.QUANTILE, 1)),
        example(3, 0, 16, 9.0, Group(Kind.INTERVAL, 1)),
    ]
    rng = np.random.default_rng(0)

    drawn = Counter(by_square(kept, kept, count=1, rng=rng)[0].context for _ in range(4000))

    weights = {0: 1 / 2, 1: 4 / 2, 2: 9.0}
    for context, weight in weights.items():
        assert drawn[context] / 4000 == pytest.approx(weight / sum(weights.values()), abs=0.03)
    assert 3 not in drawn


def test_silent_windows_are_cut_to_the_lengths_of_the_others_anywhere_inside() -> None:
    silent = [example(i, 0, 16, 0.0, Group(Kind.RANDOM)) for i in range(200)]

    cuts = as_long(silent, [21, 12], "random", np.random.default_rng(0))

    assert [cut.length for cut in cuts] == [21, 12] * 100
    assert {cut.start for cut in cuts[::2]} == set(range(12))
    assert [
        cut.length for cut in as_long([example(0, 0, 2, 0.0, length=5)], [21], "random", np.random.default_rng(0))
    ] == [5]


@pytest.mark.parametrize(("peak", "whole"), [(9, False), (10, True), (21, True), (22, False)])
def test_a_window_is_whole_with_ten_tokens_on_either_side(peak: int, whole: bool) -> None:
    assert is_whole(example(0, 0, peak, 1.0)) == whole
    assert (Cut.around_peak(example(0, 0, peak, 1.0), "").length == 21) == whole
