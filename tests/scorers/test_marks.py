"""Nothing but the explanation may tell right marks from wrong ones."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.seeds import rng_for
from autointerp.scorers._marks import Marked, Pair, pairs

THRESHOLD = 0.3
WINDOW = st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.1, 1.0, 4.0]), min_size=3, max_size=16)


def window(context: int, activations: Sequence[float]) -> Example:
    group = Group(Kind.QUANTILE, 0) if any(activations) else Group(Kind.RANDOM)
    pieces = tuple(f" {context}.{i}" for i in range(len(activations)))
    tokens = tuple(range(len(pieces)))
    return Example(Split.SCORE, group, context, context, 0, 0, tokens, pieces, tuple(activations))


def match(positives: Sequence[Example], hosts: Sequence[Example]) -> list[Pair]:
    return pairs(positives, hosts, threshold=THRESHOLD, rng=rng_for(0, "marks"))


def marked(found: Marked) -> list[int]:
    return [found.cut[0] + i for i, mark in enumerate(found.passage.marks) if mark]


firing_windows = st.lists(WINDOW.filter(any), min_size=1, max_size=8)


@given(firing=firing_windows, silent=st.lists(st.integers(3, 16), max_size=6))
def test_number_positions_and_length_are_the_same_in_every_pair(firing: list[list[float]], silent: list[int]) -> None:
    positives = [window(i, activations) for i, activations in enumerate(firing)]
    hosts = positives + [window(100 + i, [0.0] * n) for i, n in enumerate(silent)]

    for pair in match(positives, hosts):
        assert pair.right.passage.marks == pair.wrong.passage.marks
        assert any(pair.right.passage.marks)
        assert len(pair.right.passage.pieces) == len(pair.wrong.passage.pieces)


@given(firing=firing_windows)
def test_right_marks_are_all_the_clear_firings_and_wrong_ones_touch_no_activation(firing: list[list[float]]) -> None:
    positives = [window(i, activations) for i, activations in enumerate(firing)]

    for pair in match(positives, positives):
        example = pair.right.example
        assert marked(pair.right) == [i for i, a in enumerate(example.activations) if a > THRESHOLD * example.max]
        assert all(pair.wrong.example.activations[i] == 0 for i in marked(pair.wrong))
        assert pair.wrong.example.window != example.window


@given(firing=firing_windows)
def test_a_passage_is_an_unbroken_stretch_of_its_window(firing: list[list[float]]) -> None:
    positives = [window(i, activations) for i, activations in enumerate(firing)]

    for pair in match(positives, positives):
        for side in (pair.right, pair.wrong):
            assert side.passage.pieces == side.example.pieces[slice(*side.cut)]


def test_a_reader_that_looks_at_positions_only_learns_nothing_where_all_peaks_are_in_the_middle() -> None:
    rng = rng_for(1, "centred")
    positives = [window(i, [0.0] * 15 + [float(rng.random() + 1)] + [0.0] * 16) for i in range(40)]

    found = match(positives, positives)

    right = Counter(np.flatnonzero(pair.right.passage.marks)[0] for pair in found)
    wrong = Counter(np.flatnonzero(pair.wrong.passage.marks)[0] for pair in found)
    assert len(found) == 40
    assert right == wrong
    assert min(len(pair.wrong.passage.pieces) for pair in found) >= 20


def test_a_silent_window_as_long_keeps_the_marks_in_place_and_is_not_cut() -> None:
    [pair] = match([window(0, [0, 0, 5, 0, 4])], [window(1, [0] * 5)])

    assert marked(pair.wrong) == [2, 4]
    assert pair.wrong.cut == pair.right.cut == (0, 5)


def test_every_host_is_used_once_before_any_is_used_twice() -> None:
    positives = [window(i, [0, 1, 0, 0]) for i in range(6)]
    hosts = [window(10 + i, [0] * 4) for i in range(3)]

    used = Counter(pair.wrong.example.context for pair in match(positives, hosts))

    assert dict(used) == {10: 2, 11: 2, 12: 2}


def test_a_positive_for_which_no_host_has_room_is_left_out() -> None:
    dense = window(1, [1, 1, 1, 1])

    assert match([window(0, [0, 1, 0, 0])], [dense]) == []
