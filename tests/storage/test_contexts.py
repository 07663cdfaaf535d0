"""Text that is stored once for a corpus comes back with the examples that were cut from it."""

from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.corpus_text import CorpusText
from autointerp.domain.examples import Split
from autointerp.domain.packed import HarvestedFeature, PackedExamples, unpack
from autointerp.errors import DamagedFile
from autointerp.storage import contexts, examples, features
from autointerp.storage.context_packing import pack_context, unpack_contexts
from autointerp.storage.example_packing import pack_examples, unpack_examples
from autointerp.storage.tables.harvests import ContextTable, ExampleTable

from .conftest import VOCABULARY, World, feature, packed, pool


def text_of(*parts: PackedExamples) -> CorpusText:
    """The text of some windows, of which those of one context are one after the other or the same."""
    known = {
        (int(w.context[i]), int(w.start[i])): (w.tokens[w.offsets[i] : w.offsets[i + 1]], int(w.document[i]))
        for w in (part.windows for part in parts)
        for i in range(len(w))
    }
    places = sorted(known)
    columns = np.array([c for c, _ in places]), np.array([s for _, s in places], np.int32)
    return CorpusText(
        *columns,
        offsets=np.cumsum([0, *(len(known[place][0]) for place in places)]),
        tokens=np.concatenate([known[place][0] for place in places]).astype(np.int32),
        document_context=columns[0],
        document_begin=columns[1],
        document=np.array([known[place][1] for place in places]),
    )


def store_apart(world: World, *harvested: HarvestedFeature) -> tuple[int, ...]:
    """Store the text of features, then the features without it, and return their ids."""
    every = [part for one in harvested for part in one.examples.values()]
    with world.database.write() as session:
        for part in every:
            contexts.store(session, world.harvest, text_of(part))
        batch = features.pack(harvested, text_apart=True)
        features.store_packed(session, harvest_id=world.harvest, sae_id=world.sae, batch=batch)
    with world.database.read() as session:
        return tuple(features.get_by_index(session, world.harvest, world.sae, one.index).id for one in harvested)


def moved(one: HarvestedFeature, by: int) -> HarvestedFeature:
    """The same feature with every split in contexts of its own."""
    return replace(
        one,
        examples={
            split: replace(part, windows=replace(part.windows, context=part.windows.context + by + 10 * i))
            for i, (split, part) in enumerate(one.examples.items())
        },
    )


def test_examples_come_back_as_the_harvest_made_them(world: World) -> None:
    harvested = moved(feature(4), 100)
    (feature_id,) = store_apart(world, harvested)

    with world.database.read() as session:
        for split in Split:
            loaded = examples.load(session, world.harvest, feature_id, split)
            assert loaded == unpack(harvested.examples[split], split=split, pool=pool(), vocabulary=VOCABULARY)
        assert examples.shared_documents(session, world.harvest) == ()


def test_text_of_its_own_and_text_apart_stand_side_by_side(world: World) -> None:
    apart, own = moved(feature(1), 100), moved(feature(2), 500)
    (first,) = store_apart(world, apart)
    (second,) = world.store(own)

    with world.database.read() as session:
        blobs = session.sql.execute(
            sa.select(ExampleTable.packed)
            .where(ExampleTable.split == "score", ExampleTable.feature_id.in_([first, second]))
            .order_by(ExampleTable.feature_id)
        )
        kept = [unpack_examples(blob) for (blob,) in blobs]
        read = contexts.complete(session, world.harvest, kept)

    assert [one.windows.without_text for one in kept] == [True, False]
    for one, harvested in zip(read, (apart, own), strict=True):
        assert one.windows.tokens.tolist() == harvested.examples[Split.SCORE].windows.tokens.tolist()
        assert one.windows.document.tolist() == harvested.examples[Split.SCORE].windows.document.tolist()


def test_the_same_text_is_stored_once_however_often_it_is_handed_in(world: World) -> None:
    harvested = moved(feature(4), 100)
    store_apart(world, harvested)
    store_apart(world, harvested)

    with world.database.read() as session:
        count = session.sql.execute(sa.select(sa.func.count()).select_from(ContextTable)).scalar_one()
    assert count == sum(len(part.windows) for part in harvested.examples.values())


def test_text_that_is_missing_is_told(world: World) -> None:
    (feature_id,) = store_apart(world, moved(feature(4), 100))
    with world.database.write() as session:
        session.sql.execute(sa.delete(ContextTable).where(ContextTable.context == 108))

    with world.database.read() as session, pytest.raises(DamagedFile, match=r"no text of context 108.*restore"):
        examples.load(session, world.harvest, feature_id, Split.EXPLAIN)


def test_windows_whose_text_was_not_read_are_not_shown() -> None:
    apart = unpack_examples(pack_examples(packed([1, 2]), text_apart=True))

    with pytest.raises(ValueError, match="stored apart"):
        unpack(apart, split=Split.SCORE, pool=pool(), vocabulary=VOCABULARY)


def test_more_contexts_than_one_query_takes_are_read(world: World) -> None:
    count = contexts.AT_ONCE * 2 + 3
    many = packed(range(1_000, 1_000 + count))
    with world.database.write() as session:
        contexts.store(session, world.harvest, text_of(many))

    apart = unpack_examples(pack_examples(many, text_apart=True))
    with world.database.read() as session:
        (read,) = contexts.complete(session, world.harvest, [apart])

    assert read.windows.document.tolist() == many.windows.document.tolist()
    assert read.windows.tokens.tolist() == many.windows.tokens.tolist()


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4), st.sampled_from([2, 1 << 16, (1 << 16) + 1]))
def test_the_text_of_a_context_comes_back(seed: int, stretches: int, documents: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 50, stretches)
    text = CorpusText(
        context=np.full(stretches, 7),
        begin=np.sort(rng.integers(0, 2**31 - 1, stretches)).astype(np.int32),
        offsets=np.cumsum([0, *lengths]),
        tokens=rng.integers(0, most, lengths.sum()).astype(np.int32),
        document_context=np.full(documents, 7),
        document_begin=np.sort(rng.integers(0, 2**31 - 1, documents)).astype(np.int32),
        document=rng.integers(0, 2**63 - 1, documents),
    )

    again = unpack_contexts([(7, pack_context(text))])

    for name in CorpusText.__slots__:
        one, other = getattr(text, name), getattr(again, name)
        assert (one.dtype, one.tolist()) == (other.dtype, other.tolist()), name
