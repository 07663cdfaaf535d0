"""The language-model servers: set as they must be, and, where somebody asks for it, answering."""

import asyncio
import time
from collections.abc import Iterator

from autointerp import plugins, wiring
from autointerp.doctor.findings import Finding, failed, fine, warning
from autointerp.domain.calls import Message, Request, Role
from autointerp.errors import AutointerpError
from autointerp.llm.base import Endpoint
from autointerp.llm.stack import open_llm
from autointerp.settings import BUILT_IN, KEYS, Settings
from autointerp.storage import endpoints as stored
from autointerp.storage.engine import Database
from autointerp.storage.llm_books import open_books

ATTEMPTS = 2
ENOUGH = 64  # tokens of an answer that nobody reads


def check_endpoints(settings: Settings) -> Iterator[Finding]:
    """Check what is set, without sending anything."""
    try:
        found = wiring.endpoints(settings)
    except AutointerpError as error:
        yield failed("endpoints", error.detail, "correct the setting")
        return
    for one in found:
        yield _set(one)


def ask_endpoints(settings: Settings, database: Database) -> Iterator[Finding]:
    """Send one small request, which may cost a little, to each model that was probed before."""
    with database.read() as session:
        known = stored.list_probes(session)
    for one in wiring.endpoints(settings):
        models = [probe.model for probe in known if probe.endpoint == one.name]
        for model in models:
            yield _asked(database, one, model)
        if not models and _wanted(one):
            todo = f"autointerp endpoints probe {one.name}/MODEL"
            yield warning(f"asked: {one.name}", "no model of it was probed, so none was asked", todo)


def _set(one: Endpoint) -> Finding:
    check, where = f"endpoint: {one.name}", one.address or "the provider's own address"
    try:
        plugins.configure("provider", one.provider, one.options)
    except AutointerpError as error:
        return failed(check, error.detail, f"correct endpoints.{one.name}.options")
    if one.api_key is None and one.base_url is None and one.name in KEYS:
        return fine(check, f"not set up: {KEYS[one.name]} is not set")
    return fine(check, f"{one.provider} at {where}, {'with' if one.api_key else 'without'} a key")


def _wanted(one: Endpoint) -> bool:
    """Whether somebody has set it up; those that are built in are always there."""
    return one.name not in BUILT_IN or one.api_key is not None or one.base_url is not None


def _asked(database: Database, one: Endpoint, model: str) -> Finding:
    check, begun = f"asked: {one.name}/{model}", time.monotonic()
    try:
        asyncio.run(_ask(database, one, model))
    except AutointerpError as error:
        return failed(check, error.detail, f"look at endpoints.{one.name} and at the server")
    return fine(check, f"answered in {time.monotonic() - begun:.1f} s")


async def _ask(database: Database, one: Endpoint, model: str) -> None:
    patient = one.model_copy(update={"policy": one.policy.model_copy(update={"attempts": ATTEMPTS})})
    hello = (Message(Role.USER, "Say hello."),)
    request = Request(endpoint=one.name, model=model, messages=hello, max_tokens=ENOUGH, sample=time.time_ns())
    async with open_books(database) as books, open_llm([patient], run=None, books=books) as llm:
        await llm.complete(request)
