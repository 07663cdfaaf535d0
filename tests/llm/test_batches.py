"""The batch APIs through the real SDKs: hand in, find, look, read, cancel, and what each failure means."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr

from autointerp.domain.calls import Finish, Usage
from autointerp.errors import InvalidSpec
from autointerp.llm.base import BadRequest, Endpoint, Lapsed, Overloaded, QuotaSpent, ServerFailed, WrongKey
from autointerp.llm.batches.base import BatchDriver, Line, Sighting, Stage, Submitted, custom_id
from autointerp.llm.batches.opening import batch_tariff_of, open_batches
from autointerp.llm.memory import MemoryBooks
from autointerp.llm.prices import Price
from autointerp.llm.stack import open_llm, tariff_of
from autointerp.testing import Batches, Behaviour, Fate, TestServer, Wire, behaviours, serve
from tests.llm.conftest import KEY, Ask, EndpointAt

TAG = "0123456789abcdef"
MILLION = 1_000_000
NOW = datetime.now(UTC)

OpenDriver = Callable[[TestServer], AbstractAsyncContextManager[BatchDriver]]


@pytest.fixture
def open_driver(endpoint_at: EndpointAt) -> OpenDriver:
    """The batch API of the wire under test at a server."""

    @asynccontextmanager
    async def make(server: TestServer) -> AsyncGenerator[BatchDriver]:
        driver = open_batches(endpoint_at(server, batches=True))
        yield driver
        await driver.close()

    return make


def lines(driver: BatchDriver, ask: Ask, count: int = 3) -> list[bytes]:
    return [driver.line(custom_id(TAG, number), ask(f"Question {number}")) for number in range(count)]


async def read(driver: BatchDriver, remote_id: str) -> dict[str, Line]:
    return {line.custom_id: line async for line in driver.results(remote_id)}


async def test_a_batch_is_handed_in_and_read(open_driver: OpenDriver, ask: Ask, wire: Wire) -> None:
    with serve(behaviours.say("Blue.")) as server:
        async with open_driver(server) as driver:
            made = await driver.submit(TAG, lines(driver, ask))
            remote = await driver.look(made.remote_id)
            found = await read(driver, made.remote_id)
            uploaded = list(server.batches.files)
            await driver.clean_up(made.input_file or "")

    assert remote.stage is Stage.ENDED
    assert remote.done == 3
    assert {custom_id(TAG, number) for number in range(3)} == set(found)
    replies = [driver.decode(line.body or b"", ask()) for line in found.values()]
    assert {("Blue.", Finish.STOP)} == {(reply.text, reply.finish) for reply in replies}
    assert all(reply.usage.total for reply in replies)
    assert server.batches.files == {}
    assert uploaded == ([made.input_file] if wire is Wire.OPENAI else [])


async def test_texts_with_odd_separators_arrive_whole(open_driver: OpenDriver, ask: Ask) -> None:
    odd = "one\u2028two\u0085three\x0cfour\r"
    with serve(behaviours.say(odd)) as server:
        async with open_driver(server) as driver:
            asked = driver.line(custom_id(TAG, 0), ask(odd))
            made = await driver.submit(TAG, [asked])
            [line] = (await read(driver, made.remote_id)).values()

    assert driver.decode(line.body or b"", ask()).text == odd
    [item] = server.batches.made[0].items
    assert json.dumps(odd, ensure_ascii=False) in json.dumps(dict(item.body), ensure_ascii=False)


async def test_a_batch_that_is_being_done_says_so(open_driver: OpenDriver, ask: Ask) -> None:
    with serve(behaviours.honest, batches=Batches(latency=1000)) as server:
        async with open_driver(server) as driver:
            made = await driver.submit(TAG, lines(driver, ask))
            remote = await driver.look(made.remote_id)

    assert (Stage.WORKING, 0) == (remote.stage, remote.done)


async def test_a_batch_is_found_again_behind_others(open_driver: OpenDriver, ask: Ask) -> None:
    with serve(behaviours.honest) as server:
        async with open_driver(server) as driver:
            mine = await driver.submit(TAG, lines(driver, ask))
            others = [await driver.submit(f"{i}" * 16, [driver.line(f"{i}" * 12 + "-0", ask())]) for i in range(4)]
            found = await driver.find(TAG, requests=3, since=NOW, known={one.remote_id for one in others})
            lost = await driver.find("f" * 16, requests=3, since=NOW, known=())

    assert found == mine
    assert lost is Sighting.NOWHERE


async def test_a_batch_of_anthropics_that_is_being_done_may_be_ours(ask: Ask) -> None:
    with serve(behaviours.honest, batches=Batches(latency=1000)) as server:
        driver = open_batches(
            Endpoint(name="main", provider="anthropic", base_url=server.url, options={"batches": True})
        )
        made = await driver.submit(TAG, lines(driver, ask))

        async def find(requests: int, *known: str, since: datetime = NOW) -> Submitted | Sighting:
            return await driver.find(TAG, requests=requests, since=since, known=known)

        assert await find(3) is Sighting.PERHAPS
        assert await find(2) is Sighting.NOWHERE
        assert await find(3, made.remote_id) is Sighting.NOWHERE
        assert await find(3, since=NOW + timedelta(hours=1)) is Sighting.NOWHERE
        server.batches.latency = 0
        assert await find(3) == made
        await driver.close()


async def test_results_may_be_missing_or_expired(open_driver: OpenDriver, ask: Ask) -> None:
    fates = {"-0": Fate.ANSWERED, "-1": Fate.EXPIRED, "-2": Fate.MISSING}
    with serve(behaviours.honest, batches=Batches(fate=lambda item: fates[item.custom_id[-2:]])) as server:
        async with open_driver(server) as driver:
            made = await driver.submit(TAG, lines(driver, ask))
            found = await read(driver, made.remote_id)

    assert {custom_id(TAG, 0), custom_id(TAG, 1)} == set(found)
    assert found[custom_id(TAG, 0)].body is not None
    assert isinstance(found[custom_id(TAG, 1)].failure, Lapsed)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (behaviours.failing(400, "invalid_request_error", "Too long."), BadRequest),
        (behaviours.failing(500, "api_error"), ServerFailed),
        (behaviours.overloaded(), Overloaded),
    ],
)
async def test_a_request_that_failed_says_how(
    behaviour: Behaviour, kind: type[Exception], open_driver: OpenDriver, ask: Ask
) -> None:
    with serve(behaviour) as server:
        async with open_driver(server) as driver:
            made = await driver.submit(TAG, lines(driver, ask, 1))
            [line] = (await read(driver, made.remote_id)).values()

    assert type(line.failure) is kind
    assert line.failure.said.usage == Usage()


async def test_a_cancelled_batch_ends(open_driver: OpenDriver, ask: Ask) -> None:
    with serve(behaviours.honest, batches=Batches(latency=1000)) as server:
        async with open_driver(server) as driver:
            made = await driver.submit(TAG, lines(driver, ask))
            await driver.cancel(made.remote_id)
            remote = await driver.look(made.remote_id)
            found = await read(driver, made.remote_id)
            with pytest.raises(BadRequest):
                await driver.cancel(made.remote_id)

    assert remote.stage is Stage.ENDED
    assert all(isinstance(line.failure, Lapsed) for line in found.values())


async def test_a_full_queue_is_told_from_other_failures(ask: Ask) -> None:
    with serve(behaviours.honest, batches=Batches(refuse=["token_limit_exceeded", "invalid_json_line"])) as server:
        endpoint = Endpoint(name="main", provider="openai", base_url=server.openai_url, options={"batches": True})
        driver = open_batches(endpoint)
        remotes = [await driver.look((await driver.submit(TAG, lines(driver, ask))).remote_id) for _ in range(2)]
        await driver.close()

    assert [(Stage.FAILED, True), (Stage.FAILED, False)] == [(remote.stage, remote.full) for remote in remotes]
    assert remotes[1].error == "refused: invalid_json_line"


@pytest.mark.parametrize(("status", "code", "kind"), [(401, "x", WrongKey), (429, "insufficient_quota", QuotaSpent)])
async def test_making_a_batch_is_tried_once(
    status: int, code: str, kind: type[Exception], open_driver: OpenDriver, ask: Ask
) -> None:
    tried: list[int] = []

    async def refuse() -> behaviours.Response:
        tried.append(status)
        return behaviours.JSONResponse({"error": {"message": "No.", "code": code, "type": code}}, status)

    with serve(behaviours.honest, batches=Batches(create=[refuse, refuse])) as server:
        async with open_driver(server) as driver:
            with pytest.raises(kind) as told:
                await driver.submit(TAG, lines(driver, ask))

    assert [status] == tried
    assert KEY not in str(told.value)


async def test_a_line_is_what_the_online_path_would_post(
    open_driver: OpenDriver, endpoint_at: EndpointAt, ask: Ask
) -> None:
    with serve(behaviours.honest) as server:
        async with open_driver(server) as driver:
            await driver.submit(TAG, [driver.line(custom_id(TAG, 0), ask())])
        endpoint = endpoint_at(server)
        async with open_llm([endpoint], run=None, books=MemoryBooks()) as llm:
            await llm.complete(ask())

    [item], [seen] = server.batches.made[0].items, server.requests
    assert str(dict(item.body)).replace("'1h'", "'5m'") == str(dict(seen.body))


def test_a_batch_costs_half_the_list_price_and_never_nothing() -> None:
    for provider, model in (("openai", "gpt-4.1-mini"), ("anthropic", "claude-haiku-4-5")):
        endpoint = Endpoint(name="e", provider=provider)
        once, batch = _tariffs(endpoint, model)
        assert batch == once // 2 > 0
    unknown = batch_tariff_of(Endpoint(name="e", provider="openai"))
    assert unknown.cost("a-model-of-tomorrow", Usage(input=MILLION)) is None


def _tariffs(endpoint: Endpoint, model: str) -> tuple[int, int]:
    usage = Usage(input=MILLION, output=MILLION)
    once, batch = tariff_of(endpoint).cost(model, usage), batch_tariff_of(endpoint).cost(model, usage)
    assert once is not None
    assert batch is not None
    return once, batch


def test_a_price_of_ones_own_is_taken_at_its_share() -> None:
    price = Price(input=Decimal(4), output=Decimal(8), cache_read=Decimal(1))
    usage = Usage(input=MILLION, cache_read=MILLION, output=MILLION)
    for share, cost in ((None, 6_500_000_000), ("0.8", 10_400_000_000)):
        options = {} if share is None else {"price_share": share}
        endpoint = Endpoint(name="e", provider="openai", api_key=SecretStr("k"), price=price, batch=options)  # pyright: ignore[reportArgumentType]
        assert batch_tariff_of(endpoint).cost("m", usage) == cost


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint(name="own", provider="openai", base_url="http://127.0.0.1:8000/v1"),
        Endpoint(name="own", provider="fake"),
        Endpoint(name="own", provider="recorded", options={"path": "x"}),
    ],
)
def test_a_server_without_a_batch_api_is_told_with_the_alternative(endpoint: Endpoint) -> None:
    with pytest.raises(InvalidSpec, match=r"'own' has no batch API; set mode = \"online\""):
        open_batches(endpoint)


def test_custom_ids_are_short_and_different() -> None:
    names = {custom_id(TAG, number) for number in range(100_000)}

    assert len(names) == 100_000
    assert max(map(len, names)) <= 64
