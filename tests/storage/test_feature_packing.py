"""What is packed of a feature comes back, bit by bit."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.features import BINS
from autointerp.domain.packed import PackedExamples, PackedStatistics, Windows
from autointerp.errors import DamagedFile
from autointerp.storage.example_packing import pack_examples, unpack_examples
from autointerp.storage.feature_packing import pack_statistics, unpack_statistics


def examples(seed: int, count: int, most: int) -> PackedExamples:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 12, count)
    tokens, members, silent = int(lengths.sum()), int(rng.integers(0, 9)), int(rng.integers(0, 9))
    acts = rng.integers(0, 1 << 16, tokens).astype(np.uint16)
    acts[rng.random(tokens) < 0.7] = 0
    return PackedExamples(
        windows=Windows(
            context=rng.integers(0, 2**62, count),
            document=rng.integers(0, 2**63 - 1, count),
            start=rng.integers(0, 2**31 - 1, count).astype(np.int32),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            tokens=rng.integers(0, most, tokens).astype(np.int32),
        ),
        peak=rng.integers(0, 2**15 - 1, count).astype(np.int16),
        activations=acts.view(np.float16),
        member_window=rng.integers(0, 99, members).astype(np.int32),
        member_kind=rng.integers(0, 7, members).astype(np.uint8),
        member_index=rng.integers(-1, 999, members).astype(np.int16),
        silent_pool=rng.integers(0, 2**31 - 1, silent).astype(np.int32),
        silent_kind=rng.integers(0, 7, silent).astype(np.uint8),
        fired_pool=np.unique(rng.integers(0, most, silent)).astype(np.int32),
    )


def statistics(seed: int) -> PackedStatistics:
    rng = np.random.default_rng(seed)
    histogram = rng.integers(0, 2**40, BINS) * (rng.random(BINS) < 0.1)
    top, logits, near = (int(n) for n in rng.integers(0, 9, 3))
    return PackedStatistics(
        tokens=2**40,
        firings=int(histogram.sum()),
        sum=float(rng.random()) * 1e9,
        sum_of_squares=float(rng.random()),
        max=float(np.float32(rng.random())),
        histogram=histogram,
        top_token=rng.integers(0, 2**31 - 1, top).astype(np.int32),
        top_count=rng.integers(0, 2**62, top),
        top_mean=rng.random(top),
        promoted_token=rng.integers(0, 2**31 - 1, logits).astype(np.int32),
        promoted_logit=rng.random(logits).astype(np.float32),
        suppressed_token=rng.integers(0, 2**31 - 1, logits).astype(np.int32),
        suppressed_logit=rng.random(logits).astype(np.float32),
        neighbour=rng.integers(0, 2**31 - 1, near).astype(np.int32),
        neighbour_cosine=rng.random(near).astype(np.float32),
        neighbour_coactivation=rng.random(near).astype(np.float32),
    )


def same(one: object, other: object) -> bool:
    """Whether two records hold the same bits."""
    for field in fields(one):  # pyright: ignore[reportArgumentType]
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, Windows):
            assert same(a, b)
        elif isinstance(a, np.ndarray):
            assert (a.dtype, a.tobytes()) == (b.dtype, b.tobytes()), field.name
        else:
            assert (type(a), a) == (type(b), b), field.name
    return True


@given(st.integers(0, 10_000), st.integers(0, 9), st.sampled_from([2, 1 << 16, (1 << 16) + 1, 2**31 - 1]))
def test_examples_come_back(seed: int, count: int, most: int) -> None:
    packed = examples(seed, count, most)

    assert same(packed, unpack_examples(pack_examples(packed)))


@given(st.integers(0, 10_000), st.integers(0, 9), st.sampled_from([9, 1 << 16, 2**31 - 1]), st.booleans())
def test_examples_come_back_without_the_text_that_is_stored_apart(
    seed: int, count: int, most: int, fired: bool
) -> None:
    given = examples(seed, count, 99)
    windows = replace(given.windows, context=given.windows.context % (2 * most), start=given.windows.start % most)
    silent = given.silent_pool % most
    packed = replace(given, windows=windows, silent_pool=silent, fired_pool=given.fired_pool if fired else None)

    again = unpack_examples(pack_examples(packed, text_apart=True))

    assert again.windows.without_text == (count > 0)
    bare = replace(windows, document=windows.document[:0], tokens=windows.tokens[:0])
    assert same(replace(packed, windows=bare), again)


def test_what_was_packed_without_the_firing_windows_of_the_pool_still_comes_back() -> None:
    packed = replace(examples(3, 4, 1 << 16), fired_pool=None)

    assert same(packed, unpack_examples(pack_examples(packed)))


def test_a_feature_that_fires_in_no_window_of_the_pool_is_not_one_of_which_nothing_is_known() -> None:
    packed = replace(examples(3, 4, 1 << 16), fired_pool=np.zeros(0, dtype=np.int32))

    assert same(packed, unpack_examples(pack_examples(packed)))


@given(st.integers(0, 10_000))
def test_statistics_come_back(seed: int) -> None:
    packed = statistics(seed)

    assert same(packed, unpack_statistics(pack_statistics(packed)))


def test_a_record_of_another_version_is_refused() -> None:
    blob = bytearray(pack_statistics(statistics(1)))
    blob[3] = 1

    with pytest.raises(DamagedFile, match="another version"):
        unpack_statistics(bytes(blob))
