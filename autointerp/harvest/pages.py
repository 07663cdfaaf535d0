"""The pages of one shard: the corpus in batches of one shape, the same for any number of shards."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autointerp.domain.specs import HarvestSpec
from autointerp.errors import InvalidSpec
from autointerp.harvest.rows import Page, lay_out
from autointerp.subject.corpus import Corpus, Rows

_log = logging.getLogger(__name__)


def batches(rows: int, spec: HarvestSpec, *, shard: int) -> range:
    """Return the first row of each batch of a shard: every so many batches, from the shard's own number on."""
    return range(shard * spec.batch, rows, spec.shards * spec.batch)


def pages(corpus: Corpus, spec: HarvestSpec, *, shard: int) -> Iterator[tuple[Page, int]]:
    """Yield the pages of a shard in order, each with the number of tokens it reads, special tokens included.

    The shards take turns batch by batch, and the last batch is filled up, so every page has the same shape and the same
    rows, whatever the number of shards, and a shard can begin before the corpus is tokenised to its end.
    InvalidSpec when memory does not hold a page.
    """
    first = shard * spec.batch
    while len((rows := corpus.block(first, spec.batch)).tokens):
        if first == 0 and len(rows.tokens) < spec.batch // 2:
            _log.warning(
                "the corpus has %d rows and a batch of %d computes mostly padding; set batch to %d or less",
                len(rows.tokens),
                spec.batch,
                len(rows.tokens),
            )
        try:
            page = _page(rows, spec)
        except MemoryError as error:
            raise InvalidSpec(
                f"there is not enough memory for a batch of {spec.batch} rows of {spec.context} tokens; lower `batch`"
            ) from error
        yield page, int(rows.present.sum())
        first += spec.shards * spec.batch


def _page(rows: Rows, spec: HarvestSpec) -> Page:
    """Lay out exactly `spec.batch` rows; rows behind the corpus's end hold nothing readable."""
    visible = rows.valid if spec.skip_special else rows.present
    skipped = np.isin(rows.tokens, np.array(spec.skip_tokens, dtype=np.int32))
    skipped[:, : spec.skip_first] = True
    return lay_out(
        rows.first,
        _filled(rows.tokens, spec.batch),
        _filled(rows.documents, spec.batch),
        _filled(visible & ~skipped, spec.batch),
        spec,
        visible=_filled(visible, spec.batch),
    )


def _filled(array: NDArray[Any], rows: int) -> NDArray[Any]:
    return np.concatenate([array, np.zeros((rows - len(array), array.shape[1]), dtype=array.dtype)])
