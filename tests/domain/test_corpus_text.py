"""What is read from the text of a corpus is what stands there; what does not stand there is an error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.corpus_text import CorpusText
from tests.corpus_text import EMPTY, joined

LENGTH = 40
CONTEXTS = (3, 4, 9)


def text(seed: int) -> tuple[CorpusText, dict[int, list[tuple[int, int] | None]]]:
    """Stretches of three contexts, and what is known of each position: its token and document, or nothing."""
    rng = np.random.default_rng(seed)
    known: dict[int, list[tuple[int, int] | None]] = {}
    stretches: list[tuple[int, int, list[int]]] = []
    documents: list[tuple[int, int, int]] = []
    for context in CONTEXTS:
        changes = sorted({0, *rng.integers(0, LENGTH, 2).tolist()})
        documents += [(context, begin, int(rng.integers(2**60))) for begin in changes]
        mine = {begin: document for c, begin, document in documents if c == context}
        known[context] = [None] * LENGTH
        edges = sorted({*rng.integers(0, LENGTH + 1, 4).tolist()})
        for begin, end in zip(edges[::2], edges[1::2], strict=False):
            tokens = rng.integers(0, 99, end - begin).tolist()
            stretches.append((context, begin, tokens))
            for position, token in enumerate(tokens, begin):
                known[context][position] = token, mine[max(b for b in mine if b <= position)]
    return CorpusText(
        context=np.array([c for c, _, _ in stretches], np.int64),
        begin=np.array([b for _, b, _ in stretches], np.int32),
        offsets=np.cumsum([0, *(len(t) for _, _, t in stretches)]),
        tokens=np.array([token for _, _, t in stretches for token in t], np.int32),
        document_context=np.array([c for c, _, _ in documents], np.int64),
        document_begin=np.array([b for _, b, _ in documents], np.int32),
        document=np.array([d for _, _, d in documents], np.int64),
    ), known


def read(kept: CorpusText, windows: list[tuple[int, int, int]]) -> tuple[list[int], list[int]]:
    context, start, length = (np.array(column) for column in zip(*windows, strict=True))
    tokens, documents = kept.read(context.astype(np.int64), start.astype(np.int32), length.astype(np.int64))
    return tokens.tolist(), documents.tolist()


WINDOWS = st.tuples(st.sampled_from((*CONTEXTS, 2, 5, 12)), st.integers(0, LENGTH - 1), st.integers(1, 12))


@given(st.integers(0, 10_000), st.lists(WINDOWS, min_size=1, max_size=6))
def test_windows_are_read_or_missing(seed: int, windows: list[tuple[int, int, int]]) -> None:
    kept, known = text(seed)
    shown = [(known.get(c) or [None])[start : start + length] for c, start, length in windows]
    there = [len(one) == w[2] and None not in one for one, w in zip(shown, windows, strict=True)]

    if all(there):
        tokens, documents = read(kept, windows)
        assert tokens == [place[0] for one in shown for place in one if place]
        assert documents == [one[0][1] for one in shown if one[0]]
    else:
        missing = windows[there.index(False)][0]
        with pytest.raises(LookupError, match=f"no text of context {missing}"):
            read(kept, windows)


@given(st.integers(0, 10_000))
def test_the_contexts_of_a_text_joined_are_the_text(seed: int) -> None:
    kept, known = text(seed)

    parts = dict(kept.by_context())

    assert set(parts) == {context for context, places in known.items() if any(places)}
    again = joined(parts.values())
    assert again.tokens.tolist() == kept.tokens.tolist()
    assert again.offsets.tolist() == kept.offsets.tolist()
    assert again.begin.tolist() == kept.begin.tolist()
    for context, part in parts.items():
        assert set(part.context.tolist()) == set(part.document_context.tolist()) == {context}


def test_no_windows_have_no_text() -> None:
    none = np.zeros(0, np.int64)

    tokens, documents = EMPTY.read(none, none.astype(np.int32), none)

    assert len(tokens) == len(documents) == 0
