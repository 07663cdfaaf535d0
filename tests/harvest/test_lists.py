"""The bounded lists are those of the plain way, whatever the order of candidates, and the best of parts is the best."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.domain.features import BINS
from autointerp.harvest.candidates import Candidates
from autointerp.harvest.lists import Limits, lists_of
from tests.harvest import reference

STRENGTHS = np.array([1e-45, 0.5, 0.50000006, 1, 3.4028235e38], dtype=np.float32)


def candidates(seed: int, size: int, slots: int, texts: int) -> Candidates:
    """Candidates of few strengths, bins and texts, so that there are ties; priorities differ within a slot."""
    rng = np.random.default_rng(seed)
    # The highest priorities there are, and close to each other: as floats they would be equal.
    priority = np.uint64(2**64 - 1) - rng.permutation(size).astype(np.uint64)
    slot = rng.integers(0, slots, size).astype(np.int32)
    number = np.arange(size, dtype=np.int64)
    place = np.zeros(size, dtype=np.int32)
    return Candidates(
        slot=slot,
        value=rng.choice(STRENGTHS, size),
        bin=rng.choice(np.array([0, 1, BINS - 1], dtype=np.uint8), size),
        best=rng.random(size) < 0.6,
        priority=priority,
        context=number,
        document=number,
        peak=place,
        start=place,
        length=place + 1,
        text=np.uint64(2**64 - 1) - rng.integers(0, texts, size).astype(np.uint64),
        count=place,
        at=np.zeros(0, dtype=np.uint16),
        act=np.zeros(0, dtype=np.float16),
    )


limits = st.builds(
    lambda top, every, in_bin: Limits(np.array(top), np.array(every), np.array(in_bin), apart=True),
    *[st.lists(st.integers(0, 6), min_size=3, max_size=3)] * 3,
)
worlds = st.builds(
    candidates,
    st.integers(0, 2**32 - 1),
    st.integers(0, 120),
    st.sampled_from([1, 3, 9, 786_432]),
    st.sampled_from([1, 2, 15, 10**9]),
)


@settings(max_examples=150, deadline=None)
@given(worlds, limits)
def test_the_lists_are_those_of_the_plain_way(found: Candidates, most: Limits) -> None:
    lists = lists_of(found, most)

    wanted = reference.lists_of(found, most)
    for mine, plain in (
        (lists.top, wanted.top),
        (lists.all, wanted.all),
        (lists.top_last, wanted.top_last),
        (lists.all_last, wanted.all_last),
    ):
        assert mine.tolist() == plain.tolist()
    assert sorted(lists.bin_last.tolist()) == sorted(wanted.bin_last.tolist())
    kept = np.unique(np.concatenate([wanted.top, wanted.all, wanted.bin]))
    assert kept[np.lexsort((found.priority[kept], found.slot[kept]))].tolist() == lists.kept.tolist()


@settings(max_examples=80, deadline=None)
@given(worlds, limits, st.integers(0, 120), st.randoms(use_true_random=False))
def test_the_best_of_parts_is_the_best_of_all(found: Candidates, most: Limits, cut: int, random: object) -> None:
    order = list(range(len(found)))
    random.shuffle(order)  # type: ignore[attr-defined]
    parts = [found.take(np.array(part, dtype=np.int64)) for part in (order[:cut], order[cut:])]

    halves = Candidates.join([part.take(lists_of(part, most).kept) for part in parts])
    merged = halves.take(lists_of(halves, most).kept)

    assert merged.context.tolist() == found.take(lists_of(found, most).kept).context.tolist()
