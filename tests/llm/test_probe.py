"""A probe finds out what a server can do, also where the server says nothing of what it ignores."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from starlette.responses import Response

from autointerp.domain.calls import Asked, TokenLogprob
from autointerp.domain.capabilities import PROBE_REQUESTS, Capability, Finding, Has
from autointerp.domain.ledger import AttemptStatus
from autointerp.llm.base import Endpoint, Policy, Unreachable, WrongKey
from autointerp.llm.canary import FIELDS, TRUTHS
from autointerp.llm.memory import MemoryBooks
from autointerp.llm.probe import FALSE, TRUE, probe
from autointerp.llm.stack import open_llm
from autointerp.testing import (
    Answer,
    Behaviour,
    Seen,
    answering,
    completing,
    deciding,
    failing,
    honest,
    html,
    say,
    serve,
)

QUICK = Policy(attempts=2, wait_initial=0.001, wait_max=0.002, wait_jitter=0.0)
RED = TokenLogprob(b"Red", -0.5, ((b"Blue", -1.5),))


async def findings(
    behaviour: Behaviour,
    *,
    books: MemoryBooks | None = None,
    provider: str = "openai",
    key: str | None = None,
    **options: object,
) -> dict[Capability, Finding]:
    with serve(behaviour, key=key) as server:
        endpoint = Endpoint(name="main", provider=provider, base_url=server.openai_url, options=options, policy=QUICK)
        books = books or MemoryBooks()
        async with open_llm([endpoint], run=None, books=books) as llm:
            found = await probe(llm, endpoint="main", model="m", draw=1)
    return {one.capability: one for one in found}


def speaking(*tokens: TokenLogprob, text: str = "Red") -> Behaviour:
    """Follow schemas, and say the tokens with these log-probabilities where they are wished for."""

    def answer(seen: Seen) -> Answer:
        if seen.schema is not None:
            return Answer('{"salt_7": true}' if "salt_7" in str(seen.schema) else verdicts(TRUTHS))
        return Answer(text, logprobs=tokens if seen.body.get("logprobs") else ())

    return answering(answer)


def verdicts(values: Sequence[bool]) -> str:
    return json.dumps(dict(zip(FIELDS, values, strict=True)))


def knowing(asked: Asked) -> float | None:
    return 0.97 if TRUE in asked.text else 0.04


async def test_a_server_that_does_everything_is_found_to() -> None:
    async def behave(seen: Seen) -> Response:
        return await (deciding(knowing) if seen.questions else speaking(RED))(seen)

    books = MemoryBooks()
    found = await findings(completing(behave), books=books, decisions="systemone")

    assert dict.fromkeys(Capability, Has.YES) == {c: one.has for c, one in found.items()}
    assert "0.97" in found[Capability.DECISIONS].why
    paid = [line for line in books.lines if line.status is not AttemptStatus.CACHED]
    assert len(paid) == PROBE_REQUESTS
    assert all(line.cost is None and line.run is None for line in paid)


async def test_a_schema_that_is_ignored_is_caught() -> None:
    found = await findings(say("The sea is wide."))

    assert found[Capability.SCHEMA].has is Has.NO
    assert "prose" in found[Capability.SCHEMA].why


async def test_json_of_another_shape_is_no_schema_followed() -> None:
    found = await findings(say('{"sentence": "The sea is wide."}'))

    assert found[Capability.SCHEMA].has is Has.NO


async def test_verdicts_that_follow_orders_in_the_passages_are_counted() -> None:
    def obey(seen: Seen) -> Answer:
        ordered = "STOP" in str(seen.body["messages"])
        return Answer(verdicts((False, True, *TRUTHS[2:]) if ordered else TRUTHS))

    found = (await findings(answering(obey)))[Capability.STEADY]

    assert found.has is Has.NO
    assert "2 of 4 verdicts followed" in found.why


async def test_a_model_that_knows_nothing_cannot_be_tried_with_orders() -> None:
    found = await findings(answering(lambda seen: Answer(verdicts([True] * 4))))

    assert found[Capability.STEADY].has is Has.UNKNOWN


async def test_the_honest_reader_takes_no_orders() -> None:
    assert (await findings(honest))[Capability.STEADY].has is Has.YES


async def test_a_server_that_ignores_logprobs_is_caught() -> None:
    assert (await findings(speaking()))[Capability.LOGPROBS].has is Has.NO


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (replace(RED, logprob=-0.01, alternatives=((b"Blue", -0.01),)), "add up to 1.98"),
        (replace(RED, token=b"Reddish"), "other tokens"),
        (replace(RED, alternatives=()), "no alternatives"),
    ],
)
async def test_logprobs_that_cannot_be_right_are_caught(token: TokenLogprob, why: str) -> None:
    found = (await findings(speaking(token)))[Capability.LOGPROBS]

    assert found.has is Has.NO
    assert why in found.why


async def test_two_different_replies_at_temperature_0_are_not_repeatable() -> None:
    found = await findings(answering(lambda seen: f"Red {seen.number}"))

    assert (Has.YES, Has.NO) == (found[Capability.TEMPERATURE].has, found[Capability.REPEATABLE].has)


async def test_a_refused_temperature_is_found_and_replies_are_compared_without_it() -> None:
    async def behave(seen: Seen) -> Response:
        return await (failing(400) if "temperature" in seen.body else say("Red"))(seen)

    found = await findings(behave)

    assert (Has.NO, Has.YES) == (found[Capability.TEMPERATURE].has, found[Capability.REPEATABLE].has)


@pytest.mark.parametrize("wire", ["openai", "systemone"])
async def test_decisions_that_tell_true_from_false_are_found_on_both_wires(wire: str) -> None:
    assert (await findings(deciding(knowing), decisions=wire))[Capability.DECISIONS].has is Has.YES


async def test_decisions_that_do_not_tell_true_from_false_are_unknown() -> None:
    found = await findings(deciding(lambda asked: 0.2 if TRUE in asked.text else 0.6), decisions="openai")

    assert found[Capability.DECISIONS].has is Has.UNKNOWN


async def test_a_plain_question_that_is_refused_leaves_decisions_unknown() -> None:
    found = await findings(deciding(lambda asked: 0.1 if FALSE in asked.text else None), decisions="openai")

    assert found[Capability.DECISIONS].has is Has.UNKNOWN
    assert "refused" in found[Capability.DECISIONS].why


async def test_an_endpoint_without_the_option_has_no_decisions() -> None:
    found = await findings(honest)

    assert found[Capability.DECISIONS].has is Has.NO


async def test_echoed_logprobs_that_are_off_by_one_token_are_caught() -> None:
    found = (await findings(completing(honest, echo="off_by_one")))[Capability.ECHO]

    assert found.has is Has.NO
    assert "off by one" in found.why


async def test_a_server_that_does_not_echo_is_found() -> None:
    assert (await findings(completing(honest, echo="none")))[Capability.ECHO].has is Has.NO


async def test_the_system_one_provider_has_decisions_and_nothing_else() -> None:
    found = await findings(deciding(knowing), provider="systemone")

    assert [c for c, one in found.items() if one.has is Has.YES] == [Capability.DECISIONS]


async def test_what_ends_every_request_ends_the_probe() -> None:
    with pytest.raises(WrongKey):
        await findings(honest, key="another")
    gone = Endpoint(name="main", provider="openai", base_url="http://127.0.0.1:9/v1", policy=QUICK)
    async with open_llm([gone], run=None, books=MemoryBooks()) as llm:
        with pytest.raises(Unreachable):
            await probe(llm, endpoint="main", model="m", draw=1)


async def test_a_server_that_answers_nothing_at_all_is_no_model_without_capabilities() -> None:
    with pytest.raises(Exception, match="web page"):
        await findings(html(), decisions="openai")


async def test_a_second_probe_does_not_see_the_replies_of_the_first() -> None:
    with serve(speaking(RED)) as server:
        endpoint = Endpoint(name="main", provider="openai", base_url=server.openai_url, policy=QUICK)
        async with open_llm([endpoint], run=None, books=MemoryBooks()) as llm:
            await probe(llm, endpoint="main", model="m", draw=1)
            once = len(server.requests)
            await probe(llm, endpoint="main", model="m", draw=100)

            assert len(server.requests) == 2 * once
