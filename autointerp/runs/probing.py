"""Probing an endpoint: asks a model what it can do, on the books, and keeps what is found."""

import asyncio
import time
from datetime import UTC, datetime

from autointerp.domain.capabilities import Finding, Probe
from autointerp.errors import NotFound
from autointerp.llm.base import Endpoint
from autointerp.llm.probe import probe
from autointerp.llm.stack import open_gateway
from autointerp.runs.desk import Desk
from autointerp.storage import endpoints
from autointerp.storage.llm_books import open_books

ATTEMPTS = 2  # at each request: a server that cannot do something often says so by failing


def probe_endpoint(desk: Desk, name: str, model: str) -> Probe:
    """Probe a model and keep the result; LLMError when the endpoint answers nothing at all."""
    endpoint = endpoint_of(desk, name)
    found = Probe(
        endpoint=name,
        model=model,
        provider=endpoint.provider,
        fingerprint=endpoint.fingerprint,
        findings=asyncio.run(_findings(desk, endpoint, model)),
        probed_at=datetime.now(UTC),
    )
    with desk.database.write() as session:
        endpoints.keep(session, found)
    return found


def stored_probe(desk: Desk, endpoint: str, model: str) -> Probe | None:
    """The newest probe of a model; None when there is none of the endpoint as it is configured now."""
    with desk.database.read() as session:
        found = endpoints.find(session, endpoint, model)
    return found if found is not None and found.fingerprint == endpoint_of(desk, endpoint).fingerprint else None


def endpoint_of(desk: Desk, name: str) -> Endpoint:
    """The endpoint `name`; NotFound when it is not configured."""
    if name not in desk.endpoints:
        raise NotFound(f"there is no LLM endpoint {name!r}; there are {', '.join(sorted(desk.endpoints)) or 'none'}")
    return desk.endpoints[name]


async def _findings(desk: Desk, endpoint: Endpoint, model: str) -> tuple[Finding, ...]:
    patient = endpoint.policy.model_copy(update={"attempts": min(ATTEMPTS, endpoint.policy.attempts)})
    asked = endpoint.model_copy(update={"policy": patient})
    async with open_books(desk.database) as books, open_gateway([asked], books=books) as gateway:
        llm = gateway.for_run(None)
        return await probe(llm, endpoint=endpoint.name, model=model, draw=time.time_ns())
