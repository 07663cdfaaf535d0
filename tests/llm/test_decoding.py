"""Decoding never raises anything but CallFailed, and never invents a reply."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.calls import Finish, Message, Reply, Request, Role, Usage
from autointerp.llm import chats
from autointerp.llm.base import Malformed
from autointerp.llm.providers import anthropic

REQUEST = Request("main", "m", (Message(Role.USER, "?"),), max_tokens=5)
DECODERS = [chats.decode, anthropic.decode]
Decode = Callable[[bytes, Request], Reply]

OPENAI: dict[str, Any] = {
    "id": "c",
    "model": "m-2",
    "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3},
}
ANTHROPIC: dict[str, Any] = {
    "id": "c",
    "model": "m-2",
    "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "h"}, {"type": "text", "text": "i"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 7, "output_tokens": 3},
}


@pytest.mark.parametrize(("decode", "sent"), [(chats.decode, OPENAI), (anthropic.decode, ANTHROPIC)])
def test_a_plain_reply_is_read(decode: Decode, sent: dict[str, Any]) -> None:
    reply = decode(json.dumps(sent).encode(), REQUEST)

    assert ("hi", Finish.STOP, Usage(input=7, output=3), "m-2") == (reply.text, reply.finish, reply.usage, reply.model)


@pytest.mark.parametrize("decode", DECODERS)
@given(st.binary())
def test_no_bytes_make_a_decoder_raise_anything_else(decode: Decode, data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data, REQUEST)


@pytest.mark.parametrize(("decode", "sent"), [(chats.decode, OPENAI), (anthropic.decode, ANTHROPIC)])
@given(st.data())
def test_a_mutated_reply_is_read_or_malformed(decode: Decode, sent: dict[str, Any], data: st.DataObject) -> None:
    whole = json.dumps(sent)
    where = data.draw(st.integers(0, len(whole) - 1))
    mutated = whole[:where] + data.draw(st.text(max_size=3)) + whole[where + data.draw(st.integers(0, 5)) :]
    try:
        reply = decode(mutated.encode(errors="replace"), REQUEST)
    except Malformed:
        return
    assert reply.raw == mutated.encode(errors="replace").decode()
    assert reply.usage.total >= 0


@pytest.mark.parametrize("usage", [{"prompt_tokens": -1}, {"prompt_tokens": "7"}, {"prompt_tokens": 1.5}, "none", []])
def test_usage_of_the_wrong_type_is_malformed(usage: Any) -> None:
    with pytest.raises(Malformed):
        chats.decode(json.dumps(OPENAI | {"usage": usage}).encode(), REQUEST)


def test_the_usage_of_a_reply_of_another_shape_is_kept() -> None:
    with pytest.raises(Malformed) as caught:
        chats.decode(json.dumps(OPENAI | {"choices": None}).encode(), REQUEST)

    assert caught.value.said.usage == Usage(input=7, output=3)


@pytest.mark.parametrize(
    ("data", "looks", "usage"),
    [
        (b"<!doctype html>", "a web page", Usage()),
        (b"", "nothing", Usage()),
        (b'{"error": {"message": "x"}}', "an error with status 200", Usage()),
        (b'{"choices": []}', "JSON of another shape", None),
        (b'{"choices": [{"ind', "broken JSON", None),
        (b'{"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "JSON of another shape", None),
        (b'{"choices": "' + b"x" * 1_100_000 + b'"}', "JSON of another shape", None),
        (b"ok", "something that is not JSON", None),
    ],
)
def test_a_malformed_reply_is_told_by_its_looks(data: bytes, looks: str, usage: Usage | None) -> None:
    with pytest.raises(Malformed, match=looks) as caught:
        chats.decode(data, REQUEST)

    assert caught.value.said.usage == usage


def test_tokens_read_from_a_prompt_cache_are_counted_once() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    reply = chats.decode(json.dumps(OPENAI | {"usage": usage}).encode(), REQUEST)

    assert reply.usage == Usage(input=30, cache_read=60, cache_write=10, output=9, reasoning=4)


@pytest.mark.parametrize(
    ("said", "finish"),
    [
        ({"finish_reason": "length"}, Finish.LENGTH),
        ({"finish_reason": "content_filter"}, Finish.FILTER),
        ({"finish_reason": "tool_calls"}, Finish.OTHER),
        ({"finish_reason": None}, Finish.OTHER),
        ({"message": {"content": None, "refusal": "no"}}, Finish.REFUSAL),
    ],
)
def test_openais_reasons_to_stop(said: dict[str, Any], finish: Finish) -> None:
    choice = OPENAI["choices"][0] | said

    assert chats.decode(json.dumps(OPENAI | {"choices": [choice]}).encode(), REQUEST).finish is finish


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("max_tokens", Finish.LENGTH),
        ("model_context_window_exceeded", Finish.LENGTH),
        ("refusal", Finish.REFUSAL),
        ("tool_use", Finish.OTHER),
        (None, Finish.OTHER),
    ],
)
def test_anthropics_reasons_to_stop(reason: str | None, finish: Finish) -> None:
    sent = ANTHROPIC | {"stop_reason": reason}

    assert anthropic.decode(json.dumps(sent).encode(), REQUEST).finish is finish
