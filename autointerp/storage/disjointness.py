"""Every document belongs to one split: what is about to be stored is checked, and what was stored can be."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.examples import Split
from autointerp.domain.packed import HarvestedFeature, PackedExamples, Pool
from autointerp.errors import InvalidInput

SPLITS = tuple(Split)

Documents = Mapping[Split, NDArray[np.int64]]


def of_pool(pool: Pool) -> Documents:
    """The distinct documents of a pool in each split."""
    return {split: _distinct(pool.windows.document[pool.split == i]) for i, split in enumerate(SPLITS)}


def of_examples(examples: Iterable[Mapping[Split, PackedExamples]]) -> Documents:
    """The distinct documents of the firing examples in each split."""
    parts: dict[Split, list[NDArray[np.int64]]] = {split: [np.empty(0, np.int64)] for split in SPLITS}
    for by_split in examples:
        for split, packed in by_split.items():
            parts[split].append(packed.windows.document)
    return {split: _distinct(np.concatenate(arrays)) for split, arrays in parts.items()}


def union(first: Documents, second: Documents) -> Documents:
    """The documents of both in each split."""
    return {split: _distinct(np.concatenate([first[split], second[split]])) for split in SPLITS}


def shared(documents: Documents) -> tuple[int, ...]:
    """The documents that stand in more than one split."""
    ordered = np.sort(np.concatenate([documents[split] for split in SPLITS]))
    return tuple(_distinct(ordered[1:][ordered[1:] == ordered[:-1]]).tolist())


def refuse_shared(documents: Documents) -> None:
    """InvalidInput when a document stands in more than one split."""
    if found := shared(documents):
        raise InvalidInput(
            f"document {found[0]} is in more than one split of the harvest ({len(found)} such documents); "
            "every document must belong to explain, validation or score alone"
        )


def refuse_misplaced(features: Sequence[HarvestedFeature], pool: Pool) -> None:
    """InvalidInput when a silent example stands in a split that its segment of the pool does not belong to."""
    for number, split in enumerate(SPLITS):
        having = [feature for feature in features if split in feature.examples]
        silent = [feature.examples[split].silent_pool for feature in having]
        if not having or not np.any(misplaced := pool.split[np.concatenate(silent)] != number):
            continue
        counts = np.cumsum([len(positions) for positions in silent])
        wrong = having[int(np.searchsorted(counts, int(np.argmax(misplaced)), side="right"))]
        raise InvalidInput(
            f"a silent example of feature {wrong.index} is in the {split} split, but its document is not"
        )


def _distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values in ascending order, each once; sorting is several times as fast as the hashing of `np.unique`."""
    ordered = np.sort(values)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered
