"""The pages of one shard: the corpus in batches of one shape, the same for any number of shards."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.rows import Page, lay_out
from autointerp.subject.corpus import Corpus


def batches(rows: int, spec: HarvestSpec, *, shard: int) -> range:
    """Return the first row of each batch of a shard."""
    count = -(-rows // spec.batch)
    low, high = (count * part // spec.shards for part in (shard, shard + 1))
    return range(low * spec.batch, high * spec.batch, spec.batch)


def pages(corpus: Corpus, spec: HarvestSpec, *, shard: int) -> Iterator[tuple[Page, int]]:
    """Yield the pages of a shard in order, each with the number of tokens it reads, special tokens included.

    Shards are cut between batches and the last batch is filled up, so every page has the same shape and the same
    rows, whatever the number of shards.
    """
    for first in batches(corpus.rows, spec, shard=shard):
        read = max(0, min(corpus.tokens, (first + spec.batch) * spec.context) - first * spec.context)
        yield _page(corpus, spec, first), read


def _page(corpus: Corpus, spec: HarvestSpec, first: int) -> Page:
    """Read a batch of exactly `spec.batch` rows; rows behind the corpus's end hold nothing readable."""
    rows = corpus.block(first, spec.batch)
    readable = rows.valid
    if not spec.skip_special:
        places = np.arange(rows.tokens.size).reshape(rows.tokens.shape) + first * spec.context
        readable = places < corpus.tokens
    return lay_out(
        first,
        _filled(rows.tokens, spec.batch),
        _filled(rows.documents, spec.batch),
        _filled(readable, spec.batch),
        spec,
    )


def _filled(array: NDArray[Any], rows: int) -> NDArray[Any]:
    return np.concatenate([array, np.zeros((rows - len(array), array.shape[1]), dtype=array.dtype)])
