"""Windows stay within their document and their row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autointerp.harvest.windows import bounds, stretches, text_hashes


@given(
    arrays.arrays(np.int64, (3, 9), elements=st.integers(0, 2)),
    arrays.arrays(np.bool_, (3, 9)),
    st.integers(1, 9),
)
def test_a_window_is_the_widest_part_of_one_document_around_its_token(
    documents: np.ndarray, readable: np.ndarray, window: int
) -> None:
    start, stop = bounds(*stretches(documents, readable), window)

    for place in np.flatnonzero(readable.reshape(-1)).tolist():
        row, inside = place // 9, range(int(start[place]), int(stop[place]))
        stretch = [place]
        while stretch[0] % 9 and _same(documents, readable, stretch[0] - 1, place):
            stretch.insert(0, stretch[0] - 1)
        while (stretch[-1] + 1) % 9 and _same(documents, readable, stretch[-1] + 1, place):
            stretch.append(stretch[-1] + 1)
        assert place in inside
        assert all(at // 9 == row and at in stretch for at in inside)
        assert len(inside) == min(window, len(stretch))


def _same(documents: np.ndarray, readable: np.ndarray, at: int, place: int) -> bool:
    return bool(readable.flat[at] and documents.flat[at] == documents.flat[place])


@given(arrays.arrays(np.int32, 14, elements=st.integers(0, 2)), st.integers(1, 5))
def test_texts_have_equal_hashes_exactly_when_they_are_equal(tokens: np.ndarray, window: int) -> None:
    zeros = np.zeros((1, 14), dtype=np.int64)
    start, stop = bounds(*stretches(zeros, zeros == 0), window)

    hashes = text_hashes(tokens, start, stop, window).tolist()

    texts = [tuple(tokens[a:b].tolist()) for a, b in zip(start, stop, strict=True)]
    assert len(set(zip(texts, hashes, strict=True))) == len(set(texts)) == len(set(hashes))
