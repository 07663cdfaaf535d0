"""Packed arrays as lists of an archive, and back, bit for bit."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.archived import ArchivedExamples, ArchivedFeature, ArchivedPool, OfFeature
from autointerp.domain.examples import Group, Split
from autointerp.domain.features import BINS
from autointerp.domain.packed import KINDS, NO_INDEX, PackedExamples, PackedStatistics, Pool, Windows

SPLITS = tuple(Split)
WINDOWS: Mapping[str, Any] = {
    "context": np.int64,
    "document": np.int64,
    "start": np.int32,
    "offsets": np.int64,
    "tokens": np.int32,
}
NUMBERS = ("tokens", "firings", "sum", "sum_of_squares", "max")
LISTS: Mapping[str, Any] = {
    "top_token": np.int32,
    "top_count": np.int64,
    "top_mean": np.float64,
    "promoted_token": np.int32,
    "promoted_logit": np.float32,
    "suppressed_token": np.int32,
    "suppressed_logit": np.float32,
    "neighbour": np.int32,
    "neighbour_cosine": np.float32,
    "neighbour_coactivation": np.float32,
}


def pool_row(harvest: str, pool: Pool) -> ArchivedPool:
    """A pool as a row."""
    return ArchivedPool(
        harvest=harvest, **_window_lists(pool.windows), split=[SPLITS[number] for number in pool.split.tolist()]
    )


def pool_of(row: ArchivedPool) -> Pool:
    """The pool of a row."""
    return Pool(windows=_windows(row), split=np.array([SPLITS.index(split) for split in row.split], np.uint8))


def feature_row(about: OfFeature, statistics: PackedStatistics) -> ArchivedFeature:
    """The statistics of a feature as a row."""
    filled = np.flatnonzero(statistics.histogram)
    return ArchivedFeature(
        **about.model_dump(),
        **{name: getattr(statistics, name) for name in NUMBERS},
        filled=filled.tolist(),
        counts=statistics.histogram[filled].tolist(),
        **{name: getattr(statistics, name).tolist() for name in LISTS},
    )


def statistics_of(row: ArchivedFeature) -> PackedStatistics:
    """The statistics of a row."""
    histogram = np.zeros(BINS, np.int64)
    histogram[row.filled] = row.counts
    numbers: dict[str, Any] = {name: getattr(row, name) for name in NUMBERS}
    lists: dict[str, Any] = {name: np.array(getattr(row, name), dtype) for name, dtype in LISTS.items()}
    return PackedStatistics(**numbers, histogram=histogram, **lists)


def examples_row(about: OfFeature, split: Split, packed: PackedExamples) -> ArchivedExamples:
    """The examples of a feature in one split as a row."""
    return ArchivedExamples(
        **about.model_dump(),
        split=split,
        **_window_lists(packed.windows),
        peak=packed.peak.tolist(),
        activations=packed.activations.astype(float).tolist(),
        member_window=packed.member_window.tolist(),
        member_group=_groups(packed.member_kind, packed.member_index),
        silent_pool=packed.silent_pool.tolist(),
        silent_group=_groups(packed.silent_kind, np.full(len(packed.silent_kind), NO_INDEX, np.int16)),
        fired_pool=None if packed.fired_pool is None else packed.fired_pool.tolist(),
    )


def examples_of(row: ArchivedExamples) -> PackedExamples:
    """The examples of a row."""
    members = [Group.parse(group) for group in row.member_group]
    silent = [Group.parse(group) for group in row.silent_group]
    return PackedExamples(
        windows=_windows(row),
        peak=np.array(row.peak, np.int16),
        activations=np.array(row.activations, np.float16),
        member_window=np.array(row.member_window, np.int32),
        member_kind=_kinds(members),
        member_index=np.array([NO_INDEX if one.index is None else one.index for one in members], np.int16),
        silent_pool=np.array(row.silent_pool, np.int32),
        silent_kind=_kinds(silent),
        fired_pool=None if row.fired_pool is None else np.array(row.fired_pool, np.int32),
    )


def _groups(kinds: NDArray[np.uint8], indices: NDArray[np.int16]) -> list[str]:
    pairs = zip(kinds.tolist(), indices.tolist(), strict=True)
    return [str(Group(KINDS[kind], None if index == NO_INDEX else index)) for kind, index in pairs]


def _kinds(groups: Sequence[Group]) -> NDArray[np.uint8]:
    return np.array([KINDS.index(group.kind) for group in groups], np.uint8)


def _window_lists(windows: Windows) -> dict[str, Any]:
    return {name: getattr(windows, name).tolist() for name in WINDOWS}


def _windows(row: ArchivedPool | ArchivedExamples) -> Windows:
    arrays: dict[str, Any] = {name: np.array(getattr(row, name), dtype) for name, dtype in WINDOWS.items()}
    return Windows(**arrays)
