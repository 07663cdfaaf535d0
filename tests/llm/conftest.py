"""An endpoint for each wire at the test server, with waits too short to notice."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from autointerp.domain.calls import Message, Request, Role
from autointerp.llm.base import Endpoint, Policy
from autointerp.llm.prices import Price
from autointerp.testing import TestServer, Wire

KEY = "sk-canary-0123456789"
QUICK = Policy(attempts=4, wait_initial=0.001, wait_max=0.002, wait_jitter=0.0)

EndpointAt = Callable[..., Endpoint]
Ask = Callable[..., Request]


@pytest.fixture(params=list(Wire))
def wire(request: pytest.FixtureRequest) -> Wire:
    """Each wire in turn."""
    return request.param


@pytest.fixture
def endpoint_at(wire: Wire) -> EndpointAt:
    """An endpoint of the wire under test at a server; a dollar per million tokens in, two out."""

    def make(server: TestServer, *, policy: Policy = QUICK, **options: Any) -> Endpoint:
        return Endpoint(
            name="main",
            provider=wire.value,
            base_url=server.openai_url if wire is Wire.OPENAI else server.url,
            api_key=SecretStr(KEY),
            policy=policy,
            price=Price.model_validate({"input": 1, "output": 2}),
            options=options,
        )

    return make


@pytest.fixture
def ask() -> Ask:
    """A request; other texts make other requests."""

    def make(text: str = "Name a colour.", **fields: Any) -> Request:
        given: dict[str, Any] = {"endpoint": "main", "model": "m-1", "max_tokens": 50, **fields}
        shared = Message(Role.SYSTEM, "Answer in one word.", shared=True)
        return Request(messages=(shared, Message(Role.USER, text)), **given)

    return make
