"""The clients against a real server: every call answers with the record that it names."""

import asyncio
import inspect
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx2
import pandas
import pytest

from autointerp.api.schemas.features import Feature, FeaturePage
from autointerp.api.schemas.runs import Run
from autointerp.client import AsyncClient, Client, UnexpectedAnswer, frame
from autointerp.client.connection import Connection
from autointerp.client.resource import AsyncResource, Resource
from autointerp.domain.specs import RunSpec
from autointerp.errors import Conflict, InvalidInput, NotFound, Unavailable
from autointerp.storage.records import FeatureOrder, RunState
from tests.api.seed import FEATURES, Seeded


def test_records_come_back_with_their_types(client: Client, seeded: Seeded) -> None:
    page = client.features.get(seeded.features[3])
    assert isinstance(page, FeaturePage)
    assert (page.id, page.index) == (seeded.features[3], 3)
    assert client.features.get_of_sae(seeded.sae, 3) == page
    assert client.runs.get(seeded.run).state.ended
    assert client.scores.trials(seeded.scores[0]).first(1)
    assert client.health.health().status == "ok"


def test_a_list_is_read_to_its_end_page_by_page(client: Client, seeded: Seeded) -> None:
    pages = client.features.list(sae_id=seeded.sae, limit=5)
    assert [feature.index for feature in pages] == list(range(FEATURES))
    assert [feature.index for feature in pages.first(7)] == list(range(7))
    assert pages.all() == list(pages)


def test_filters_and_orders_go_with_the_call(client: Client, seeded: Seeded) -> None:
    densest = client.features.list(sae_id=seeded.sae, order=FeatureOrder.DENSITY, start=2, stop=6).first(1)
    assert [feature.index for feature in densest] == [5]


def test_a_list_is_a_table(client: Client, seeded: Seeded) -> None:
    table = client.features.list(sae_id=seeded.sae, limit=5).frame()
    assert list(table.columns) == list(Feature.model_fields)
    assert table["index"].tolist() == list(range(FEATURES))
    empty = client.features.list(sae_id=seeded.sae, min_density=1.0).frame()
    assert isinstance(empty, pandas.DataFrame)
    assert empty.empty


@pytest.mark.parametrize("as_record", [True, False])
def test_a_run_is_handed_in_as_a_record_or_a_mapping(client: Client, seeded: Seeded, as_record: bool) -> None:
    wanted: dict[str, Any] = {"harvest": seeded.harvest, "explainers": ["token_statistics"], "seed": 23}
    body = RunSpec.model_validate(wanted) if as_record else wanted
    run = client.runs.create(body, idempotency_key="the same")
    assert isinstance(run, Run)
    assert run == client.runs.create(wanted, idempotency_key="the same").model_copy(update={"state": run.state})
    with pytest.raises(Conflict):
        client.runs.create(wanted | {"seed": 24}, idempotency_key="the same")


def test_a_refusal_is_the_failure_that_the_server_tells_of(client: Client, seeded: Seeded) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        client.runs.get("nowhere")
    with pytest.raises(InvalidInput, match=r"query\.limit"):
        client.runs.list(limit=100_000).first(1)
    with pytest.raises(NotFound, match="a/b"):
        client.endpoints.get("a/b?c")
    with pytest.raises(InvalidInput, match="no_such_explainer"):
        client.runs.create({"harvest": seeded.harvest, "explainers": ["no_such_explainer"]})


def test_waiting_ends_with_the_run_or_with_the_time(client: Client, seeded: Seeded) -> None:
    seen: list[RunState] = []
    ended = client.runs.wait(seeded.run, on_progress=lambda page: seen.append(page.state))
    assert seen == [ended.state]
    with pytest.raises(Unavailable, match="goes on"):
        client.runs.wait(seeded.waiting_run, timeout=0.05, poll=0.01)
    assert client.harvests.wait(seeded.harvest).state.ended


async def test_the_other_client_does_the_same_on_an_event_loop(url: str, seeded: Seeded) -> None:
    async with AsyncClient(url) as client:
        pages = client.features.list(sae_id=seeded.sae, limit=5)
        assert [feature.index async for feature in pages] == list(range(FEATURES))
        assert len(await pages.first(7)) == 7
        assert (await pages.frame())["index"].tolist() == list(range(FEATURES))
        page, run = await asyncio.gather(client.features.get(seeded.features[3]), client.runs.wait(seeded.run))
        assert page.index == 3
        assert run.state.ended
        with pytest.raises(NotFound):
            await client.runs.get("nowhere")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.harvests.wait(seeded.waiting_harvest, poll=0.01)


def test_both_clients_have_the_same_methods() -> None:
    def methods(resources: Any, base: type) -> Iterator[tuple[str, str, str]]:
        for noun, calls in vars(resources).items():
            for name, method in inspect.getmembers(type(calls), inspect.isfunction):
                if not hasattr(base, name) and name != "wait":
                    yield noun, name, str(inspect.signature(method)).replace("AsyncPages", "Pages")

    blocking, other = Client("http://nowhere"), AsyncClient("http://nowhere")
    shown = SimpleNamespace(**{k: v for k, v in vars(blocking).items() if isinstance(v, Resource)})
    waiting = SimpleNamespace(**{k: v for k, v in vars(other).items() if isinstance(v, AsyncResource)})
    assert sorted(methods(shown, Resource)) == sorted(methods(waiting, AsyncResource))
    assert len(list(methods(shown, Resource))) > 30


def answering(*answers: httpx2.Response | Exception) -> tuple[httpx2.MockTransport, list[httpx2.Request]]:
    """A transport that gives these answers in turn, and the requests that it got."""
    left, seen = list(answers), list[httpx2.Request]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return httpx2.MockTransport(answer), seen


BUSY = {"type": "urn:autointerp:problem:unavailable", "title": "Unavailable", "status": 503, "detail": "locked"}
RUN = {"harvest": "h", "explainers": ["default"]}


def test_what_may_be_repeated_is_repeated_while_the_server_is_busy() -> None:
    healthy = httpx2.Response(200, json={"status": "ok", "version": "1"})
    transport, seen = answering(httpx2.Response(503, json=BUSY), httpx2.ConnectError("gone"), healthy)
    assert Client(transport=transport).health.health().version == "1"
    assert len(seen) == 3


def test_what_would_be_done_twice_is_not_repeated() -> None:
    transport, seen = answering(httpx2.ConnectError("gone"))
    with pytest.raises(Unavailable, match="autointerp serve"):
        Client(transport=transport).runs.create(RUN)
    assert len(seen) == 1


def test_a_key_makes_handing_in_a_run_safe_to_repeat() -> None:
    transport, seen = answering(*[httpx2.Response(503, json=BUSY)] * 3)
    with pytest.raises(Unavailable, match="locked"):
        Client(transport=transport, attempts=3).runs.create(RUN, idempotency_key="k")
    assert [request.headers["Idempotency-Key"] for request in seen] == ["k"] * 3


def test_the_key_of_the_server_goes_with_every_call() -> None:
    transport, seen = answering(httpx2.Response(200, json={"status": "ok", "version": "1"}))
    Client(transport=transport, key="ai_1_secret").health.health()
    assert seen[0].headers["Authorization"] == "Bearer ai_1_secret"


@pytest.mark.parametrize("answer", [httpx2.Response(502, text="<html>"), httpx2.Response(200, json={"a": 1})])
def test_what_is_no_answer_of_the_api_is_said_to_be_none(answer: httpx2.Response) -> None:
    transport, _ = answering(answer)
    with pytest.raises(UnexpectedAnswer):
        Client(transport=transport).health.health()


@pytest.mark.parametrize("wrong", ["localhost:8000", "ftp://host", "http://user:secret@host", ""])
def test_an_address_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match=r"http://HOST:PORT") as refused:
        Client(wrong)
    assert "secret" not in str(refused.value)


def test_every_wrong_field_is_told() -> None:
    problem = {
        "type": "urn:autointerp:problem:invalid-input",
        "detail": "the request is invalid: a: wrong",
        "errors": [{"field": "a", "message": "wrong"}, {"field": "b", "message": "missing"}],
    }
    transport, _ = answering(httpx2.Response(422, json=problem))
    with pytest.raises(InvalidInput, match="a: wrong; b: missing"):
        Client(transport=transport).runs.create(RUN)


def test_a_table_of_nothing_has_no_rows() -> None:
    assert frame([]).empty


def test_a_connection_is_closed_with_its_block() -> None:
    with Connection("http://nowhere", key=None, timeout=1, attempts=1, transport=answering()[0]) as connection:
        pass
    with pytest.raises(RuntimeError):
        connection.make(Client("http://nowhere").runs.list().call)
