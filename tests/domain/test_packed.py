"""Packed examples come back as the records they were made from."""

import numpy as np

from autointerp.domain.examples import Group, Kind, Split
from autointerp.domain.packed import KINDS, NO_INDEX, PackedExamples, Pool, Windows, unpack
from autointerp.domain.vocabulary import Vocabulary

VOCABULARY = Vocabulary((b"the", b" cat", b" sat", b" on"), frozenset())


def windows(tokens: list[list[int]]) -> Windows:
    """Make windows of these tokens, one document each."""
    count = len(tokens)
    return Windows(
        context=np.arange(count, dtype=np.int64),
        document=np.arange(count, dtype=np.int64) + 100,
        start=np.zeros(count, dtype=np.int32),
        offsets=np.cumsum([0, *map(len, tokens)], dtype=np.int64),
        tokens=np.array([token for window in tokens for token in window], dtype=np.int32),
    )


def packed() -> tuple[PackedExamples, Pool]:
    """One window in two groups, another in one, and a silent one."""
    examples = PackedExamples(
        windows=windows([[0, 1], [2, 3, 0]]),
        peak=np.array([1, 0], dtype=np.int16),
        activations=np.array([0, 2, 1, 0, 0], dtype=np.float16),
        member_window=np.array([0, 0, 1], dtype=np.int32),
        member_kind=np.array([KINDS.index(Kind.TOP), KINDS.index(Kind.INTERVAL), 2], dtype=np.uint8),
        member_index=np.array([NO_INDEX, 11, 4], dtype=np.int16),
        silent_pool=np.array([1], dtype=np.int32),
        silent_kind=np.array([KINDS.index(Kind.RANDOM)], dtype=np.uint8),
    )
    return examples, Pool(windows([[0], [3, 1, 2]]), np.array([0, 0], dtype=np.uint8))


def test_members_share_their_window_and_keep_their_group() -> None:
    examples, pool = packed()

    top, interval, quantile, silent = unpack(examples, split=Split.EXPLAIN, pool=pool, vocabulary=VOCABULARY)

    assert top.window == interval.window
    assert [Group(Kind.TOP), Group(Kind.INTERVAL, 11), Group(Kind.QUANTILE, 4), Group(Kind.RANDOM)] == [
        example.group for example in (top, interval, quantile, silent)
    ]
    assert ("the cat", (0.0, 2.0), 1) == (top.text, top.activations, top.peak)
    assert (" sat onthe", (1.0, 0.0, 0.0)) == (quantile.text, quantile.activations)


def test_a_silent_example_is_the_pools_window_with_zeros() -> None:
    examples, pool = packed()

    silent = unpack(examples, split=Split.EXPLAIN, pool=pool, vocabulary=VOCABULARY)[-1]

    assert silent.silent
    assert (" on cat sat", (0.0, 0.0, 0.0), 101) == (silent.text, silent.activations, silent.document)


def test_a_group_reads_what_it_wrote() -> None:
    groups = [Group(Kind.TOP), Group(Kind.INTERVAL, 0), Group(Kind.QUANTILE, 9), Group(Kind.SAME_TOKEN)]

    assert groups == [Group.parse(str(group)) for group in groups]
