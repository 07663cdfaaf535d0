"""An endpoint that echoes tells how likely a text is, and one that does not says what does."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from autointerp.domain.calls import Complete, Reply, Request, TokenLogprob, Usage
from autointerp.domain.calls import Finish as F
from autointerp.domain.explanations import UnreadKind
from autointerp.domain.likelihood import Continuation, Likelihood
from autointerp.errors import OutOfBudget
from autointerp.llm.base import BadRequest, CallFailed, Endpoint, Malformed, MissingCapability, TimedOut
from autointerp.llm.echoing import Echoing, tokens_of_text
from autointerp.llm.memory import MemoryBooks
from autointerp.llm.providers.fake import honestly
from autointerp.llm.stack import open_llm
from autointerp.testing import completing, say, serve
from autointerp.testing.completions import Echo, next_word
from autointerp.testing.rehearsal import Scripted

ASKED = [Continuation("one, two:", " three four"), Continuation("one:", " three four"), Continuation("one:", " five")]


@asynccontextmanager
async def server(echo: Echo = "right") -> AsyncGenerator[Complete]:
    with serve(completing(say("no completion"), echo=echo)) as at:
        endpoint = Endpoint(name="main", provider="openai", base_url=at.openai_url)
        async with open_llm([endpoint], run=None, books=MemoryBooks()) as llm:
            yield llm


async def read(llm: Complete, asked: Sequence[Continuation] = ASKED) -> list[Likelihood]:
    return list(await Echoing(llm, "main", "m").logprobs(asked, prompt="v1"))


async def test_a_text_has_the_sum_of_its_tokens_log_probabilities() -> None:
    async with server() as llm:
        found = await read(llm)

    first = next_word(":")[" three"]
    expected = [first + next_word(" three")[" four"]] * 2 + [next_word(":")[" five"]]
    assert expected == pytest.approx([one.logprob for one in found])
    assert [2, 2, 1] == [one.tokens for one in found]


async def test_a_server_that_leaves_given_text_out_is_told_with_what_does_not() -> None:
    async with server("none") as llm:
        with pytest.raises(MissingCapability, match=r"use a server that does \(vLLM\), or a local model"):
            await read(llm)


async def test_the_honest_model_and_anthropic_say_what_does() -> None:
    endpoints = [Endpoint(name="main", provider=provider) for provider in ("fake", "anthropic")]
    for endpoint in endpoints:
        async with open_llm([endpoint], run=None, books=MemoryBooks()) as llm:
            with pytest.raises(MissingCapability, match=r"use a server that tells them \(vLLM\), or a local model"):
                await Echoing(llm, "main", "honest").logprobs(ASKED, prompt=None)


async def test_equal_texts_are_asked_about_once_and_the_prompt_is_on_the_request() -> None:
    llm = Scripted(honestly)

    found = await read(llm, [*ASKED, ASKED[0]])

    assert len(ASKED) == len(llm.requests)
    assert {"v1"} == {request.prompt for request in llm.requests}
    assert found[0] == found[3]
    assert {request.key for request in llm.requests} == {one.request for one in found}


@pytest.mark.parametrize(
    ("failure", "kind"), [(BadRequest("too long"), UnreadKind.FAILED), (Malformed("a web page"), UnreadKind.MALFORMED)]
)
async def test_a_request_that_cannot_be_answered_is_unread(failure: CallFailed, kind: UnreadKind) -> None:
    def script(request: Request) -> Reply:
        if request.messages[0].text.endswith("five"):
            raise failure
        return honestly(request)

    found = await read(Scripted(script))

    assert [None, None, kind] == [one.unread for one in found]
    assert [False, False, True] == [one.logprob is None for one in found]


@pytest.mark.parametrize("failure", [MissingCapability("no echo"), TimedOut("slow"), OutOfBudget("spent")])
async def test_other_failures_end_the_batch(failure: Exception) -> None:
    def script(request: Request) -> Reply:
        raise failure

    with pytest.raises(type(failure)):
        await read(Scripted(script))


async def test_tokens_that_do_not_spell_the_text_are_unread() -> None:
    def script(request: Request) -> Reply:
        return Reply("", F.STOP, Usage(), "m", raw="", echoed=(TokenLogprob(b"\xef\xbf\xbd", -1.0),))

    found = await read(Scripted(script), ASKED[:1])

    assert (None, UnreadKind.UNPARSABLE) == (found[0].logprob, found[0].unread)


@pytest.mark.parametrize(
    ("prefix", "text", "tokens", "own"),
    [
        ("a b", " c", ["<s>", "a", " b", " c"], [" c"]),
        ("a b", " c", [" c"], [" c"]),  # what comes before need not be there
        ("a ", "b c", ["a", " b", " c"], [" c"]),  # one across the boundary is the prefix's
        ("a", " é!", ["a", " ", "", "é", "!"], [" ", "", "é", "!"]),  # parts of a character, shown at its end
        ("a", " é", ["a", "", " é"], ["", " é"]),
        ("a", "", ["a"], []),
        ("a", " bc", ["a", " b"], None),
        ("a", " bc", ["c"], None),  # the first token of the text is not there
        ("a", " bc", [], None),
        ("a", " bc", ["\ufffd", "c"], None),
    ],
)
def test_the_tokens_of_a_text_are_those_that_begin_in_it(
    prefix: str, text: str, tokens: list[str], own: list[str] | None
) -> None:
    echoed = [TokenLogprob(token.encode(), -1.0) for token in tokens]

    found = tokens_of_text(Continuation(prefix, text), echoed)

    assert own == (None if found is None else [token.token.decode() for token in found])


async def test_a_log_probability_that_is_no_number_is_unread() -> None:
    def script(request: Request) -> Reply:
        reply = honestly(request)
        return replace(reply, echoed=(*reply.echoed[:-1], replace(reply.echoed[-1], logprob=float("-inf"))))

    found = await read(Scripted(script))

    assert {UnreadKind.NOT_A_NUMBER} == {one.unread for one in found}
