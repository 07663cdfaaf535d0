"""Examples as arrays: what a harvest makes and storage keeps, one record for each feature and split."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.examples import Example, Group, Kind, Split
from autointerp.domain.features import Neighbour, Statistics, TokenCount, TokenLogit
from autointerp.domain.vocabulary import Vocabulary

KINDS = tuple(Kind)
NO_INDEX = -1


@dataclass(frozen=True, slots=True)
class Windows:
    """`n` windows of the corpus. Window i holds tokens[offsets[i]:offsets[i+1]].

    Windows whose text is stored apart, with the text of the whole corpus, have no `document` and no `tokens` until
    these are read.
    """

    context: NDArray[np.int64]  # (n,) row in the corpus
    document: NDArray[np.int64]  # (n,) stable hash of the document
    start: NDArray[np.int32]  # (n,) first position in the row
    offsets: NDArray[np.int64]  # (n+1,)
    tokens: NDArray[np.int32]  # (total,)

    def __len__(self) -> int:
        return len(self.context)

    @property
    def without_text(self) -> bool:
        """Whether the documents and tokens of the windows are to be read elsewhere."""
        return len(self.document) < len(self)


@dataclass(frozen=True, slots=True)
class Pool:
    """The harvest's uniform sample of segments, which silent examples come from; `split` indexes `tuple(Split)`."""

    windows: Windows
    split: NDArray[np.uint8]  # (n,)


@dataclass(frozen=True, slots=True)
class PackedExamples:
    """One feature's examples in one split.

    A window that was drawn for several groups is stored once: `member_window`, `member_kind` (index into KINDS) and
    `member_index` (NO_INDEX: none) say which window belongs to which group, in order. Silent examples are
    positions in the harvest's pool (`silent_pool`), with their kind.

    `fired_pool` are all windows of the pool in this split in which the feature fires, ascending; None: not kept (it is
    kept for the score split).
    """

    windows: Windows
    peak: NDArray[np.int16]  # (n,) position in the window
    activations: NDArray[np.float16]  # (total,)
    member_window: NDArray[np.int32]  # (m,)
    member_kind: NDArray[np.uint8]  # (m,)
    member_index: NDArray[np.int16]  # (m,)
    silent_pool: NDArray[np.int32]  # (s,)
    silent_kind: NDArray[np.uint8]  # (s,)
    fired_pool: NDArray[np.int32] | None = None  # (f,)


@dataclass(frozen=True, slots=True)
class PackedStatistics:
    """One feature's statistics as arrays, with tokens by their ids; `unpack_statistics` makes them records."""

    tokens: int
    firings: int
    sum: float
    sum_of_squares: float
    max: float
    histogram: NDArray[np.int64]  # (BINS,)
    top_token: NDArray[np.int32]
    top_count: NDArray[np.int64]
    top_mean: NDArray[np.float64]
    promoted_token: NDArray[np.int32]
    promoted_logit: NDArray[np.float32]
    suppressed_token: NDArray[np.int32]
    suppressed_logit: NDArray[np.float32]
    neighbour: NDArray[np.int32]
    neighbour_cosine: NDArray[np.float32]
    neighbour_coactivation: NDArray[np.float32]

    @property
    def density(self) -> float:
        """The share of tokens on which the feature fires."""
        return self.firings / self.tokens if self.tokens else 0.0

    @property
    def mean(self) -> float:
        """The mean activation where the feature fires; 0 for a dead feature."""
        return self.sum / self.firings if self.firings else 0.0

    def shortened(self, tokens: int) -> "PackedStatistics":
        """The same with so many tokens of each kind and as many neighbours."""
        names = ("top", "promoted", "suppressed", "neighbour")
        lists = {f.name: getattr(self, f.name)[:tokens] for f in fields(self) if f.name.startswith(names)}
        return replace(self, **lists)


@dataclass(frozen=True, slots=True)
class HarvestedFeature:
    """Everything a harvest knows of one feature."""

    index: int
    statistics: PackedStatistics
    examples: dict[Split, PackedExamples]


def unpack(packed: PackedExamples, *, split: Split, pool: Pool, vocabulary: Vocabulary) -> tuple[Example, ...]:
    """Return the examples as records, firing ones first, in the order of their groups; their text must be there."""
    if packed.windows.without_text:
        raise ValueError("the text of these windows is stored apart; read it first")
    activations = tuple(packed.activations.astype(float).tolist())
    windows = [
        (window, peak, activations[begin:end])
        for window, peak, (begin, end) in zip(
            _shown(packed.windows, np.arange(len(packed.windows)), vocabulary),
            packed.peak.tolist(),
            pairwise(packed.windows.offsets.tolist()),
            strict=True,
        )
    ]
    firing: list[Example] = []
    for i, kind, index in _rows(packed.member_window, packed.member_kind, packed.member_index):
        window, peak, values = windows[int(i)]
        firing.append(Example(split, _group(kind, index), *window.place, peak, *window.text, values))
    silent = [
        Example(split, _group(kind, NO_INDEX), *window.place, len(window) // 2, *window.text, (0.0,) * len(window))
        for kind, window in zip(
            packed.silent_kind.tolist(), _shown(pool.windows, packed.silent_pool, vocabulary), strict=True
        )
    ]
    return tuple(firing + silent)


def unpack_statistics(packed: PackedStatistics, vocabulary: Vocabulary) -> Statistics:
    """Return the statistics as records, with the text of each token."""
    return Statistics(
        tokens=packed.tokens,
        firings=packed.firings,
        sum=packed.sum,
        sum_of_squares=packed.sum_of_squares,
        max=packed.max,
        histogram=tuple(packed.histogram.tolist()),
        top_tokens=tuple(
            TokenCount(token, vocabulary.piece(token), count, mean)
            for token, count, mean in _rows(packed.top_token, packed.top_count, packed.top_mean)
        ),
        promoted=_logits(packed.promoted_token, packed.promoted_logit, vocabulary),
        suppressed=_logits(packed.suppressed_token, packed.suppressed_logit, vocabulary),
        neighbours=tuple(
            Neighbour(*row) for row in _rows(packed.neighbour, packed.neighbour_cosine, packed.neighbour_coactivation)
        ),
    )


def _logits(tokens: NDArray[np.int32], logits: NDArray[np.float32], vocabulary: Vocabulary) -> tuple[TokenLogit, ...]:
    return tuple(TokenLogit(token, vocabulary.piece(token), logit) for token, logit in _rows(tokens, logits))


def _rows(*columns: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.tolist() for column in columns), strict=True)


@dataclass(frozen=True, slots=True)
class _Window:
    """One window as an example shows it: (context, document, start), and (tokens, pieces)."""

    place: tuple[int, int, int]
    text: tuple[tuple[int, ...], tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.text[0])


def _shown(windows: Windows, chosen: NDArray[np.integer[Any]], vocabulary: Vocabulary) -> Iterator[_Window]:
    columns = (windows.context, windows.document, windows.start, windows.offsets[:-1], windows.offsets[1:])
    for context, document, start, begin, end in _rows(*(column[chosen] for column in columns)):
        tokens = windows.tokens[begin:end].tolist()
        yield _Window((context, document, start), (tuple(tokens), vocabulary.render(tokens)))


def _group(kind: int, index: int) -> Group:
    return Group(KINDS[kind], None if index == NO_INDEX else index)
