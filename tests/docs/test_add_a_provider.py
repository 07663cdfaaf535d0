"""The provider in docs/add-a-provider.md does what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autointerp.domain.calls import Finish, Message, Request, Role, Usage
from autointerp.llm.base import CallFailed, Endpoint, Malformed, MissingCapability, Policy, Unreachable
from autointerp.llm.memory import MemoryBooks
from autointerp.llm.stack import open_llm
from autointerp.testing import listening

PAGE = Path(__file__).parents[2] / "docs" / "add-a-provider.md"
REQUEST = Request("house", "m", (Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "A colour?")), max_tokens=9)
ONE_ATTEMPT = Policy(attempts=1)


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page's example as a module of someone else's package."""
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    package = tmp_path / "house_of_the_docs"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "plain.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    return "house_of_the_docs.plain"


@pytest.fixture
def server() -> Iterator[tuple[str, list[object]]]:
    """A plain server, which cuts what it says in three tokens; what it was asked."""
    asked: list[object] = []

    async def generate(request: HttpRequest) -> Response:
        body = await request.json()
        asked.append(body)
        if body["model"] == "broken":
            return JSONResponse({"text": 5})
        return JSONResponse({"text": "Blue.", "cut": body["limit"] < 3, "read": 12, "written": 2})

    with listening(Starlette(routes=[Route("/generate", generate, methods=["POST"])])) as port:
        yield f"http://127.0.0.1:{port}", asked


async def answer(endpoint: Endpoint, request: Request) -> tuple[object, MemoryBooks]:
    books = MemoryBooks()
    async with open_llm([endpoint], run=None, books=books) as llm:
        try:
            return await llm.complete(request), books
        except CallFailed as error:
            return error, books


async def test_the_example_answers(provider: str, server: tuple[str, list[object]]) -> None:
    url, asked = server
    reply, books = await answer(Endpoint(name="house", provider=provider, base_url=url), REQUEST)

    assert [{"model": "m", "prompt": "Be brief.\n\nA colour?", "limit": 9}] == asked
    assert getattr(reply, "text", None) == "Blue."
    assert [(Usage(input=12, output=2), 0)] == [(line.usage, line.cost) for line in books.lines]


async def test_the_example_tells_a_cut_answer_from_a_whole_one(provider: str, server: tuple[str, list[object]]) -> None:
    endpoint = Endpoint(name="house", provider=provider, base_url=server[0])
    reply, _ = await answer(endpoint, Request("house", "m", REQUEST.messages, max_tokens=2))

    assert getattr(reply, "finish", None) is Finish.LENGTH


async def test_the_example_fails_as_the_page_says(provider: str, server: tuple[str, list[object]]) -> None:
    endpoint = Endpoint(name="house", provider=provider, base_url=server[0], policy=ONE_ATTEMPT)
    nowhere = Endpoint(name="house", provider=provider, base_url="http://127.0.0.1:9", policy=ONE_ATTEMPT)
    wishes = [
        (endpoint, Request("house", "broken", REQUEST.messages, max_tokens=9), Malformed),
        (endpoint, Request("house", "m", REQUEST.messages, max_tokens=9, schema="{}"), MissingCapability),
        (nowhere, REQUEST, Unreachable),
    ]
    for where, request, kind in wishes:
        error, _ = await answer(where, request)

        assert type(error) is kind
