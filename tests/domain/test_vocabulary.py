"""Tokens become text without broken characters."""

import codecs
import itertools

from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.vocabulary import Vocabulary

BYTES = Vocabulary(tuple(bytes([value]) for value in range(256)), frozenset())


def cut_text(data: st.DataObject) -> tuple[str, Vocabulary, list[int]]:
    """Draw a text and a vocabulary whose tokens are arbitrary cuts of its bytes."""
    text = data.draw(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
    encoded = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(encoded)), max_size=12)) | {0, len(encoded)})
    tokens = tuple(encoded[a:b] for a, b in itertools.pairwise(cuts))
    return text, Vocabulary(tokens, frozenset()), list(range(len(tokens)))


@given(st.data())
def test_the_pieces_of_a_whole_text_add_up_to_the_text(data: st.DataObject) -> None:
    text, vocabulary, ids = cut_text(data)

    pieces = vocabulary.render(ids)

    assert text == "".join(pieces)
    assert len(ids) == len(pieces)


@given(st.data())
def test_a_window_that_cuts_characters_holds_no_replacement_character(data: st.DataObject) -> None:
    text, vocabulary, ids = cut_text(data)
    start = data.draw(st.integers(0, len(ids) - 1))
    stop = data.draw(st.integers(start + 1, len(ids)))

    window = "".join(vocabulary.render(ids[start:stop]))

    assert window in text
    assert "\ufffd" in text or "\ufffd" not in window


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=12), st.data())
def test_pieces_are_what_a_decoder_that_goes_from_token_to_token_gives(
    tokens: list[bytes], data: st.DataObject
) -> None:
    ids = data.draw(st.lists(st.integers(0, len(tokens) - 1), max_size=12))
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    continued = bytes(range(0x80, 0xC0))
    start = next((i for i, token in enumerate(ids) if tokens[token].lstrip(continued)), len(ids))
    expected = [
        decoder.decode(tokens[token].lstrip(continued) if i <= start else tokens[token]) for i, token in enumerate(ids)
    ]

    assert tuple(expected) == Vocabulary(tuple(tokens), frozenset()).render(ids)


def test_a_character_of_several_tokens_stands_in_the_last_of_them() -> None:
    pieces = BYTES.render(list("é!".encode()))

    assert ("", "é", "!") == pieces


def test_bytes_that_are_no_text_are_shown_as_the_replacement_character() -> None:
    pieces = BYTES.render([ord("a"), 0xFF, ord("b")])

    assert "a\ufffdb" == "".join(pieces)


def test_a_token_on_its_own_is_never_lost() -> None:
    assert ("\\xe2", "a") == (BYTES.piece(0xE2), BYTES.piece(ord("a")))


def test_equal_vocabularies_have_equal_fingerprints() -> None:
    same = Vocabulary(tuple(bytes([value]) for value in range(256)), frozenset())
    other = Vocabulary(same.tokens, frozenset({0}))

    assert BYTES.fingerprint == same.fingerprint
    assert BYTES.fingerprint != other.fingerprint
