"""The text that a harvest keeps apart is the text of every example, with the document of each."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autointerp.harvest.texts import texts
from tests.corpus_text import joined


@given(st.integers(0, 100_000), st.sampled_from([16, 33, 64, 100]), st.integers(1, 5))
def test_every_window_can_be_read_from_it(
    make_world: Callable[..., Any], number: int, context: int, at_once: int
) -> None:
    world = make_world(number, context=context)
    state = world.state([(0, 5), (5, 12)])
    _, features = world.cut(state)
    kept = [part.reservoir.kept for part in state.saes[0].parts]

    pieces = list(texts(state.blocks, kept, context, at_once=at_once))

    assert all(len(np.unique(piece.context)) <= at_once for piece in pieces)
    whole = joined(pieces)
    assert len(whole.tokens) <= world.tokens.size
    for feature in features:
        for packed in feature.examples.values():
            windows = packed.windows
            tokens, documents = whole.read(windows.context, windows.start, np.diff(windows.offsets))
            assert tokens.tolist() == windows.tokens.tolist()
            assert documents.tolist() == windows.document.tolist()


def test_a_harvest_in_which_nothing_fires_has_no_text(make_world: Callable[..., Any]) -> None:
    world = make_world(1, density=0.0)
    state = world.state()
    state.settle()

    assert list(texts(state.blocks, [part.reservoir.kept for part in state.saes[0].parts], world.spec.context)) == []
