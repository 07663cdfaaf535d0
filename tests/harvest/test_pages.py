"""Pages: the same for any number of shards, their windows inside one document of one row, and what is left out."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.domain.specs import HarvestSpec
from autointerp.harvest.pages import batches, pages
from autointerp.harvest.rows import Page
from autointerp.subject.corpus import Corpus
from autointerp.subject.packing import Layout
from autointerp.subject.recipe import Recipe

CONTEXT = 16
BOS, PAD = 0, 1


def corpus_of(documents: list[list[int]], *, alone: bool = False, tokens: int = 100_000) -> Corpus:
    recipe = Recipe(
        name="given",
        read=lambda: [(f"d{n}", ids) for n, ids in enumerate(documents)],
        check=lambda: None,
        encode=lambda parts: [np.array(part.content, dtype=np.int32) for part in parts],
        layout=Layout(CONTEXT, BOS, None, PAD, (BOS, PAD), alone, "split"),
        tokens=tokens,
        piece_rows=3,
    )
    return Corpus(recipe, fingerprint="", folder=None).open()


@pytest.fixture(scope="module")
def documents() -> list[list[int]]:
    rng = np.random.default_rng(5)
    return [rng.integers(10, 40, length).tolist() for length in rng.integers(1, 40, 60)]


def key(page: Page) -> tuple[int, bytes, bytes, bytes, bytes]:
    return page.first, page.tokens.tobytes(), page.readable.tobytes(), page.start.tobytes(), page.document.tobytes()


@settings(deadline=None, max_examples=30)
@given(shards=st.integers(1, 40), batch=st.integers(1, 9), tokens=st.integers(1, 1500), alone=st.booleans())
def test_any_number_of_shards_reads_the_same_pages(
    make_spec: Callable[..., HarvestSpec],
    documents: list[list[int]],
    shards: int,
    batch: int,
    tokens: int,
    alone: bool,
) -> None:
    corpus = corpus_of(documents, alone=alone, tokens=tokens)
    one = make_spec(context=CONTEXT, batch=batch)
    many = one.model_copy(update={"shards": shards})

    whole = list(pages(corpus, one, shard=0))
    found = [page for shard in range(shards) for page in pages(corpus, many, shard=shard)]

    assert sorted(key(page) for page, _ in whole) == sorted(key(page) for page, _ in found)
    assert [page.first for page, _ in whole] == list(batches(corpus.rows, one, shard=0))
    assert corpus.tokens == sum(read for _, read in found)
    assert all(len(page.tokens) == batch * CONTEXT for page, _ in whole)


@settings(deadline=None, max_examples=30)
@given(
    first=st.integers(0, CONTEXT - 1),
    tokens=st.sets(st.integers(10, 40), max_size=5),
    special=st.booleans(),
    alone=st.booleans(),
    window=st.integers(1, CONTEXT),
)
def test_what_is_left_out_counts_nowhere_and_windows_stay_in_one_document_of_one_row(
    make_spec: Callable[..., HarvestSpec],
    documents: list[list[int]],
    first: int,
    tokens: set[int],
    special: bool,
    alone: bool,
    window: int,
) -> None:
    corpus = corpus_of(documents, alone=alone)
    spec = make_spec(
        context=CONTEXT, window=window, skip_first=first, skip_tokens=sorted(tokens), skip_special=special, batch=4
    )

    for page, _ in pages(corpus, spec, shard=0):
        rows = corpus.block(page.first, 4)
        shown = rows.valid if special else rows.present
        shown = np.pad(shown, ((0, 4 - len(shown)), (0, 0))).ravel()
        for place in range(len(page.tokens)):
            skipped = place % CONTEXT < first or int(page.tokens[place]) in tokens
            assert page.readable[place] == (shown[place] and not skipped)
            if page.readable[place]:
                inside = range(page.start[place], page.stop[place])
                assert place in inside
                assert len(inside) <= window
                assert {at // CONTEXT for at in inside} == {place // CONTEXT}
                assert {page.document[at] for at in inside} == {page.document[place]}
                assert all(shown[at] for at in inside)


def test_tokens_that_are_left_out_are_shown(make_spec: Callable[..., HarvestSpec]) -> None:
    corpus = corpus_of([[10, 11, 12, 13, 14, 15]] * 60, alone=True)
    spec = make_spec(context=CONTEXT, window=16, skip_first=2, skip_tokens=(12,), batch=1)

    page, _ = next(pages(corpus, spec, shard=0))

    assert [12, 13, 14, 15] == page.tokens[3:7].tolist()
    assert [False, False, True, False, True, True, True] + [False] * 9 == page.readable.tolist()
    assert (1, 7) == (page.start[4], page.stop[4])


def test_a_row_cut_short_by_the_budget_holds_the_first_tokens_of_the_whole_row(documents: list[list[int]]) -> None:
    whole, part = corpus_of(documents), corpus_of(documents, tokens=100)

    rows = part.block(0, 99)
    assert 100 == int(rows.present.sum())
    same = whole.block(0, part.rows)
    assert same.tokens[rows.present].tolist() == rows.tokens[rows.present].tolist()
