"""Yes/no questions on both wires: what is sent, what is read, and that nothing is invented."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autointerp.domain.calls import Asked, Decided, Finish, Message, Reply, Request, Role, Usage
from autointerp.domain.explanations import UnreadKind
from autointerp.llm import decisions, estimate, systemone
from autointerp.llm.base import Malformed, MissingCapability
from autointerp.llm.providers import anthropic, openai

ASKED = (Asked("e000", "It names a colour: red"), Asked("e001", "It names a colour: bread"))
REQUEST = Request(
    "main", "m", (Message(Role.SYSTEM, "Rules."), Message(Role.USER, "Claim.")), max_tokens=0, questions=ASKED
)
CHAT = Request("main", "m", (Message(Role.USER, "?"),), max_tokens=5)

Decode = Callable[[bytes, Request], Reply]
OPENAI: dict[str, Any] = {
    "model": "m-2",
    "answers": [
        {"type": "predicate", "name": "e000", "probability": 0.9},
        {"type": "predicate", "name": "e001", "probability": 0.2},
    ],
    "usage": {
        "input_tokens": 70,
        "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 10},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 70,
    },
}
SYSTEMONE: dict[str, Any] = {
    "model": "m-2",
    "answers": {"e000": {"type": "noul", "noul": 0.9}, "e001": {"type": "noul", "noul": 0.2}},
    "usage": {"input_tokens": 70, "output_tokens": 0},
}
WIRES = [(decisions.decode, OPENAI), (systemone.decode, SYSTEMONE)]


def sent(body: dict[str, Any], **changed: Any) -> bytes:
    return json.dumps(body | changed).encode()


def test_a_request_without_questions_keeps_its_key_and_one_with_them_has_another() -> None:
    assert CHAT.key == "38a18cc410e106c025d8c1f4e15a4bec268a227d4e3cf48e6eea550011f353df"
    assert len({CHAT.key, REQUEST.key, replace(REQUEST, questions=ASKED[:1]).key, replace(CHAT, echo=True).key}) == 4


def test_openai_gets_the_conversation_and_one_predicate_a_question() -> None:
    assert decisions.body(REQUEST) == {
        "model": "m",
        "input": [
            {"type": "message", "role": "system", "content": "Rules."},
            {"type": "message", "role": "user", "content": "Claim."},
        ],
        "questions": [
            {"type": "predicate", "name": "e000", "instructions": "It names a colour: red"},
            {"type": "predicate", "name": "e001", "instructions": "It names a colour: bread"},
        ],
    }


def test_system_one_gets_the_conversation_as_the_state_and_one_noul_a_question() -> None:
    assert systemone.body(REQUEST) == {
        "model": "m",
        "state": "Rules.\n\nClaim.",
        "questions": {
            "e000": {"type": "noul", "instructions": "It names a colour: red"},
            "e001": {"type": "noul", "instructions": "It names a colour: bread"},
        },
    }


@pytest.mark.parametrize(("decode", "whole"), WIRES)
def test_answers_are_read_by_name_whatever_their_order(decode: Decode, whole: dict[str, Any]) -> None:
    answers = whole["answers"]
    turned = answers[::-1] if isinstance(answers, list) else dict(reversed(answers.items()))

    reply = decode(sent(whole, answers=turned), REQUEST)

    assert (Decided("e000", 0.9), Decided("e001", 0.2)) == reply.decided
    assert (Finish.STOP, "m-2", "") == (reply.finish, reply.model, reply.text)


def test_each_input_token_is_counted_once() -> None:
    assert decisions.decode(sent(OPENAI), REQUEST).usage == Usage(input=20, cache_read=40, cache_write=10)
    assert systemone.decode(sent(SYSTEMONE), REQUEST).usage == Usage(input=70)


def test_a_server_that_counts_nothing_is_booked_at_the_worst_case() -> None:
    whole = {name: value for name, value in SYSTEMONE.items() if name != "usage"}

    assert systemone.decode(sent(whole), REQUEST).usage == estimate.worst(REQUEST)


def test_the_worst_case_reads_the_messages_once_for_each_question() -> None:
    one, two = (estimate.worst(replace(REQUEST, questions=ASKED[:n])).input for n in (1, 2))

    assert two > 1.5 * one


@pytest.mark.parametrize(
    ("answer", "unread"),
    [
        ({"type": "refusal", "name": "e000"}, UnreadKind.REFUSED),
        (
            {"type": "choice", "name": "e000", "choice": True, "confidence": 1, "probabilities": []},
            UnreadKind.UNPARSABLE,
        ),
        ({"type": "predicate", "name": "e777", "probability": 0.5}, UnreadKind.MISSING),
        ({"type": "predicate", "name": None, "probability": 0.5}, UnreadKind.MISSING),
    ],
)
def test_a_question_that_openai_does_not_answer_is_unread_and_the_others_stand(
    answer: dict[str, Any], unread: UnreadKind
) -> None:
    reply = decisions.decode(sent(OPENAI, answers=[answer, OPENAI["answers"][1]]), REQUEST)

    assert (Decided("e000", None, unread), Decided("e001", 0.2)) == reply.decided
    assert reply.finish is Finish.STOP


@pytest.mark.parametrize(
    ("answer", "unread"),
    [
        ({"e000": {"type": "refusal"}}, UnreadKind.REFUSED),
        ({"e000": {"type": "score", "score": 1.0}}, UnreadKind.UNPARSABLE),
        ({"e000": {"type": "noul", "noul": 0.9, "label_mass": 0.2}}, UnreadKind.UNDECIDED),
        ({}, UnreadKind.MISSING),
    ],
)
def test_a_question_that_system_one_does_not_decide_is_unread_and_the_others_stand(
    answer: dict[str, Any], unread: UnreadKind
) -> None:
    answers = answer | {"e001": {"type": "noul", "noul": 0.2, "label_mass": 0.97}}

    reply = systemone.decode(sent(SYSTEMONE, answers=answers), REQUEST)

    assert (Decided("e000", None, unread), Decided("e001", 0.2)) == reply.decided


def test_a_request_of_which_every_question_is_refused_is_refused() -> None:
    answers = [{"type": "refusal", "name": asked.name} for asked in ASKED]

    assert decisions.decode(sent(OPENAI, answers=answers), REQUEST).finish is Finish.REFUSAL


@pytest.mark.parametrize("value", [1.5, -0.1, "0.9", True, [0.9]])
def test_a_number_that_is_no_probability_is_malformed_and_its_usage_is_kept(value: object) -> None:
    answers = [{"type": "predicate", "name": "e000", "probability": value}, OPENAI["answers"][1]]
    nouls = {"e000": {"type": "noul", "noul": value}, "e001": {"type": "noul", "noul": 0.2}}

    for decode, data in (
        (decisions.decode, sent(OPENAI, answers=answers)),
        (systemone.decode, sent(SYSTEMONE, answers=nouls)),
    ):
        with pytest.raises(Malformed) as caught:
            decode(data, REQUEST)

        assert caught.value.said.usage is not None
        assert caught.value.said.usage.total == 70


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_no_odd_number_is_a_probability(number: str) -> None:
    with pytest.raises(Malformed):
        systemone.decode(sent(SYSTEMONE).replace(b"0.9", number.encode()), REQUEST)


def test_an_answer_that_stands_twice_is_malformed_and_its_usage_is_kept() -> None:
    twice = [OPENAI["answers"][0], OPENAI["answers"][0] | {"probability": 0.1}]
    named = sent(SYSTEMONE).replace(b'"e001"', b'"e000"')

    for decode, data in ((decisions.decode, sent(OPENAI, answers=twice)), (systemone.decode, named)):
        with pytest.raises(Malformed) as caught:
            decode(data, REQUEST)

        assert caught.value.said.usage is not None
        assert caught.value.said.usage.total == 70


@pytest.mark.parametrize(("decode", "whole"), WIRES)
@given(st.data())
def test_a_mutated_reply_is_read_or_malformed_and_never_out_of_range(
    decode: Decode, whole: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps(whole)
    where = data.draw(st.integers(0, len(text) - 1))
    mutated = text[:where] + data.draw(st.text(max_size=3)) + text[where + data.draw(st.integers(0, 5)) :]
    try:
        reply = decode(mutated.encode(errors="replace"), REQUEST)
    except Malformed:
        return
    assert [one.name for one in reply.decided] == ["e000", "e001"]
    assert all((one.probability is None) == (one.unread is not None) for one in reply.decided)
    assert all(one.probability is None or 0 <= one.probability <= 1 for one in reply.decided)


@pytest.mark.parametrize("decode", [decisions.decode, systemone.decode])
@given(st.binary())
def test_no_bytes_make_a_decoder_raise_anything_else(decode: Decode, data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data, REQUEST)


@pytest.mark.parametrize(
    "request_",
    [
        CHAT,
        replace(REQUEST, schema="{}"),
        replace(REQUEST, temperature=0.0),
        replace(REQUEST, logprobs=2),
        replace(REQUEST, reasoning_effort="low"),
        replace(REQUEST, questions=tuple(Asked(f"e{i:03d}", "?") for i in range(401))),
    ],
    ids=["no questions", "schema", "temperature", "logprobs", "effort", "too many"],
)
def test_what_a_decision_cannot_carry_is_told_before_it_is_sent(request_: Request) -> None:
    for body in (decisions.body, systemone.body):
        with pytest.raises(MissingCapability, match="endpoint 'main'"):
            body(request_)


def test_system_one_takes_64_questions_and_says_so() -> None:
    many = replace(REQUEST, questions=tuple(Asked(f"e{i:03d}", "?") for i in range(65)))

    with pytest.raises(MissingCapability, match="takes 64 questions a request"):
        systemone.body(many)
    decisions.body(many)


def test_a_wire_without_decisions_names_what_to_use_instead() -> None:
    local = openai.Config()

    with pytest.raises(MissingCapability, match='use the judge "llm"'):
        openai.route_of(REQUEST, local, hosted=False)
    with pytest.raises(MissingCapability, match='use the judge "llm"'):
        openai.body(REQUEST, local)
    with pytest.raises(MissingCapability, match='use the judge "llm"'):
        anthropic.body(REQUEST, anthropic.Config())


@pytest.mark.parametrize(
    ("chosen", "hosted", "path"),
    [(None, True, "/decisions"), ("openai", False, "/decisions"), ("systemone", False, "/systemone")],
)
def test_the_option_decisions_chooses_the_wire(chosen: Any, hosted: bool, path: str) -> None:
    assert openai.route_of(REQUEST, openai.Config(decisions=chosen), hosted=hosted).path == path
