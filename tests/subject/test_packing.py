"""Rows against a packer that knows no pieces, no parts and no budget, one token at a time."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autointerp.errors import InvalidCorpus
from autointerp.hashing import stable_int
from autointerp.subject.packing import BEGINNING, Layout, Mark, Packer, Piece
from autointerp.subject.parts import Part

BOS, EOS, PAD = 0, 1, 2
Documents = list[list[int]]
DOCUMENTS = st.lists(st.lists(st.integers(10, 99), max_size=30), min_size=1, max_size=12)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    separator = draw(st.sampled_from(["bos", "eos", "none"]))
    alone = draw(st.booleans())
    return Layout(
        context=draw(st.integers(2, 12)),
        bos=BOS if separator == "bos" else None,
        eos=EOS if separator == "eos" else None,
        pad=PAD,
        special=(BOS, EOS, PAD),
        alone=alone,
        long=draw(st.sampled_from(["split", "cut"])) if alone else "split",
    )


def by_hand(documents: Documents, layout: Layout, budget: int) -> list[list[tuple[int, int]]]:
    """Rows of (token, document), placed one at a time."""
    rows: list[list[tuple[int, int]]] = []
    total = 0

    def put(token: int, document: int) -> None:
        nonlocal total
        if total < budget:
            if not rows or len(rows[-1]) == layout.context:
                rows.append([])
            rows[-1].append((token, document))
            total += 1

    for number, ids in enumerate(documents):
        if not ids:
            continue
        stream = [*ids, *([] if layout.eos is None else [layout.eos])]
        if layout.alone and layout.long == "cut":
            stream = stream[: layout.context - (layout.bos is not None)]
        if layout.alone and rows and total < budget:
            rows.append([])
        begun = False
        for token in stream:
            if layout.bos is not None:
                if not begun and rows and 0 < len(rows[-1]) < layout.context:
                    put(layout.bos, number)
                if not rows or len(rows[-1]) in (0, layout.context):
                    put(layout.bos, number)
            begun = True
            put(token, number)
    return [row for row in rows if row]


def parts_of(documents: Documents, cut: int) -> Iterator[tuple[Part, np.ndarray]]:
    """Documents in parts of at most `cut` tokens."""
    number = 0
    for name, ids in enumerate(documents):
        pieces = [ids[at : at + cut] for at in range(0, len(ids), cut)] or [[]]
        for position, piece in enumerate(pieces):
            part = Part(number, f"d{name}", piece, first=position == 0, last=position == len(pieces) - 1)
            yield part, np.array(piece, dtype=np.int32)
            number += 1


def pieces_of(
    documents: Documents, layout: Layout, *, rows: int, budget: int, cut: int = 99, begin: Mark = BEGINNING
) -> list[Piece]:
    packer = Packer(layout, rows=rows, budget=budget, begin=begin)
    found: list[Piece] = []
    for part, ids in parts_of(documents, cut):
        if part.number >= begin.part:
            found += packer.add(part, ids)
    last = packer.finish()
    return found if last is None else [*found, last]


def read_back(pieces: Sequence[Piece]) -> list[list[tuple[int, int]]]:
    names = {stable_int(f"d{n}"): n for n in range(50)}
    return [
        [(int(t), names[int(d)]) for t, d in zip(row[:length], owners[:length], strict=True)]
        for piece in pieces
        for row, owners, length in zip(piece.ids, piece.documents(), piece.lengths, strict=True)
    ]


@settings(deadline=None, max_examples=300)
@given(
    documents=DOCUMENTS,
    layout=layouts(),
    rows=st.integers(1, 5),
    budget=st.integers(1, 200),
    cut=st.integers(1, 40),
)
@example([[10] * 9], Layout(10, BOS, None, PAD, (), False, "split"), 1, 10, 40)
@example([[10] * 8, [11]], Layout(10, BOS, None, PAD, (), False, "split"), 1, 99, 40)
@example([[10] * 20, [11]], Layout(10, None, None, PAD, (), True, "cut"), 1, 99, 40)
@example([[10] * 20], Layout(10, None, None, PAD, (), True, "cut"), 1, 99, 3)
def test_rows_are_those_placed_by_hand_for_any_pieces_and_parts(
    documents: Documents, layout: Layout, rows: int, budget: int, cut: int
) -> None:
    pieces = pieces_of(documents, layout, rows=rows, budget=budget, cut=cut)

    assert by_hand(documents, layout, budget) == read_back(pieces)
    for number, piece in enumerate(pieces):
        assert piece.begin.piece == number
        assert piece.last == (number == len(pieces) - 1)
        assert piece.last or piece.rows == rows
        padding = np.arange(layout.context) >= piece.lengths[:, None]
        assert (piece.ids[padding] == PAD).all()
        assert int(piece.lengths.sum()) == piece.end.tokens - piece.begin.tokens


@settings(deadline=None, max_examples=200)
@given(
    documents=DOCUMENTS,
    layout=layouts(),
    rows=st.integers(1, 3),
    budget=st.integers(1, 200),
    cut=st.integers(1, 40),
)
def test_from_any_piece_on_the_pieces_are_the_same(
    documents: Documents, layout: Layout, rows: int, budget: int, cut: int
) -> None:
    pieces = pieces_of(documents, layout, rows=rows, budget=budget, cut=cut)

    for at, piece in enumerate(pieces):
        again = pieces_of(documents, layout, rows=rows, budget=budget, cut=cut, begin=piece.begin)
        assert read_back(pieces[at:]) == read_back(again)
        assert [p.begin for p in pieces[at:]] == [p.begin for p in again]
        assert again[-1].last


@settings(deadline=None)
@given(documents=DOCUMENTS, layout=layouts())
def test_alone_in_its_row_a_document_meets_no_other(documents: Documents, layout: Layout) -> None:
    rows = read_back(pieces_of(documents, layout, rows=4, budget=10_000))

    if layout.alone:
        assert all(len({document for _, document in row}) == 1 for row in rows)
    if layout.bos is not None:
        assert all(row[0][0] == BOS for row in rows)
    if not (layout.alone and layout.long == "cut"):
        kept = [token for row in rows for token, _ in row if token not in (BOS, EOS)]
        assert [token for ids in documents for token in ids] == kept


def test_a_document_that_is_too_long_can_be_refused() -> None:
    layout = Layout(4, BOS, None, PAD, (), True, "refuse")

    assert len(pieces_of([[5, 6, 7], [8]], layout, rows=9, budget=99)[0].ids) == 2
    with pytest.raises(InvalidCorpus, match="d1 is longer than the context of 4 tokens; set long to split or cut"):
        pieces_of([[5], [6, 7, 8, 9]], layout, rows=9, budget=99)
