"""Every document has one split, by its hash alone."""

import numpy as np

from autointerp.domain.examples import Split
from autointerp.harvest.split import SPLITS, split_of

SHARES = {Split.EXPLAIN: 0.5, Split.VALIDATION: 0.1, Split.SCORE: 0.4}
DOCUMENTS = np.random.default_rng(0).integers(0, 2**63 - 1, 20_000)


def test_each_split_gets_its_share() -> None:
    counts = np.bincount(split_of(DOCUMENTS, SHARES, 0), minlength=3) / len(DOCUMENTS)

    np.testing.assert_allclose(counts, [0.5, 0.1, 0.4], atol=0.015)


def test_a_split_depends_on_the_document_and_the_seed_and_nothing_else() -> None:
    found = split_of(DOCUMENTS, SHARES, 0)

    assert np.array_equal(found[::-1], split_of(DOCUMENTS[::-1].copy(), SHARES, 0))
    assert not np.array_equal(found, split_of(DOCUMENTS, SHARES, 1))


def test_a_split_without_a_share_gets_nothing() -> None:
    found = split_of(DOCUMENTS, {Split.EXPLAIN: 0.5, Split.VALIDATION: 0.0, Split.SCORE: 0.5}, 0)

    assert SPLITS.index(Split.VALIDATION) not in found
