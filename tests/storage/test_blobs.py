"""Blobs: what goes in comes out, and damage is told."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from autointerp.domain.calls import Finish, Reply, TokenLogprob, Usage
from autointerp.domain.examples import Group, Kind
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.judging import Answer, Confidence
from autointerp.domain.scores import Trial
from autointerp.domain.vocabulary import Vocabulary
from autointerp.errors import DamagedFile
from autointerp.storage import blobs, packing

ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=5),
    st.sampled_from([np.int64, np.int32, np.int16, np.uint8, np.float16]).flatmap(
        lambda dtype: npst.arrays(dtype, st.integers(0, 20))
    ),
    max_size=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(ARRAYS)
def test_arrays_come_back_with_their_names_types_and_values(arrays: dict[str, blobs.Array]) -> None:
    unpacked = blobs.unpack_arrays(blobs.pack_arrays(arrays))

    assert list(unpacked) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(unpacked[name], array)
        assert unpacked[name].dtype == array.dtype


@given(JSON)
def test_json_comes_back(value: object) -> None:
    assert blobs.unpack_json(blobs.pack_json(value)) == value


def test_even_minus_infinity_comes_back() -> None:
    assert blobs.unpack_json(blobs.pack_json([-math.inf])) == [-math.inf]


@given(st.binary(max_size=50), st.data())
def test_a_changed_byte_is_found(content: bytes, data: st.DataObject) -> None:
    blob = bytearray(blobs.pack_bytes(content))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))

    try:
        unpacked = blobs.unpack_bytes(bytes(blob))
    except DamagedFile:
        return

    assert unpacked == content


@given(st.binary(min_size=1, max_size=50), st.data())
def test_a_cut_blob_is_found(content: bytes, data: st.DataObject) -> None:
    blob = blobs.pack_bytes(content)

    with pytest.raises(DamagedFile):
        blobs.unpack_bytes(blob[: data.draw(st.integers(0, len(blob) - 1))])


def test_trials_come_back_with_every_kind_of_answer() -> None:
    trials = (
        Trial(Group(Kind.TOP), (3, 4), True, Answer(True, 0.25, Confidence.LOGPROB, None, "r"), note="marked 3"),
        Trial(Group(Kind.INTERVAL, 2), (3, 5), False, Answer(None, unread=UnreadKind.REFUSED)),
    )

    assert packing.unpack_trials(packing.pack_trials(trials)) == trials


def test_a_reply_comes_back_with_bytes_that_are_no_text() -> None:
    reply = Reply(
        text="half a pair \ud83d",
        finish=Finish.LENGTH,
        usage=Usage(1, 2, 3, 4, 5),
        model="m",
        raw='{"a": 1}',
        provider_request="req",
        logprobs=(TokenLogprob(b"\xff", -0.5, ((b"\xfe", -math.inf),)),),
        cost=12,
    )

    assert packing.unpack_reply(packing.pack_reply(reply)) == reply


@given(st.lists(st.binary(max_size=4), max_size=20).map(tuple))
def test_a_vocabulary_comes_back(tokens: tuple[bytes, ...]) -> None:
    vocabulary = Vocabulary(tokens, frozenset(range(0, len(tokens), 3)))

    assert packing.unpack_vocabulary(packing.pack_vocabulary(vocabulary)) == vocabulary
