"""The whole layer put together: cache, single flight, retries, limits, meter and budget around each provider."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast
from weakref import WeakValueDictionary

from autointerp import plugins
from autointerp.domain.calls import Complete, Reply, Request
from autointerp.domain.ledger import Books
from autointerp.errors import InvalidSpec
from autointerp.llm.base import Endpoint, Policy, Provider, ProviderConfig
from autointerp.llm.budget import Purse
from autointerp.llm.cache import Cached
from autointerp.llm.flights import Flights
from autointerp.llm.landing import Refusals
from autointerp.llm.limits import Limited, Limiter
from autointerp.llm.meter import Metered
from autointerp.llm.pace import Pace, Paced
from autointerp.llm.prices import Tariff
from autointerp.llm.retry import Retrying
from autointerp.llm.tracing import Traced
from autointerp.llm.warming import Prefixes, Warmed
from autointerp.observing import tracing


@dataclass(frozen=True, slots=True)
class Line:
    """What every run shares of one endpoint: its client, its limits and its prices.

    `prefixes` None: the server keeps no prompts, so nothing is gained by sending one of many first.
    """

    provider: Provider
    limiter: Limiter
    tariff: Tariff
    policy: Policy
    pace: Pace
    refusals: Refusals
    prefixes: Prefixes | None


@dataclass(slots=True)
class Gateway:
    """The endpoints of one process, opened at the first request to each; made and closed in one event loop."""

    endpoints: dict[str, Endpoint]
    books: Books
    _lines: dict[str, Line] = field(default_factory=dict[str, Line])
    _flights: Flights[Reply] = field(default_factory=Flights[Reply])
    _purses: WeakValueDictionary[str, Purse] = field(default_factory=WeakValueDictionary[str, Purse])

    def for_run(self, run: str | None) -> Complete:
        """The language models as one run may use them; None: nobody's run, which has no budget."""
        return RunLLM(self, run, None if run is None else self._purse(run))

    def line(self, name: str) -> Line:
        """The open line to an endpoint; InvalidSpec when there is no such endpoint."""
        if name not in self._lines:
            endpoint = self.endpoints.get(name)
            if endpoint is None:
                known = ", ".join(sorted(self.endpoints)) or "none"
                raise InvalidSpec(f"there is no LLM endpoint {name!r}; there are {known}")
            self._lines[name] = _opened(endpoint)
        return self._lines[name]

    def chain(self, name: str, run: str | None, purse: Purse | None) -> Cached:
        """Wrap the line to an endpoint for one run."""
        line = self.line(name)
        metered = Metered(line.provider, line.tariff, self.books, purse, run, line.refusals)
        attempts = Traced(metered) if tracing.is_on() else metered
        limited = Limited(Paced(attempts, line.pace, self.books), line.limiter)
        warmed = limited if line.prefixes is None else Warmed(limited, line.prefixes)
        return Cached(Retrying(warmed, line.policy), self.books, self._flights, run)

    def _purse(self, run: str) -> Purse | None:
        """All that work on one run here pay from one purse, and so wait for each other's calls."""
        purse = self._purses.get(run)
        if purse is None and (allowance := self.books.allowance(run)) is not None:
            purse = self._purses[run] = Purse(allowance)
        return purse

    def open_lines(self) -> dict[str, Line]:
        """The lines that are open now, by endpoint."""
        return dict(self._lines)

    async def close(self) -> None:
        """Close every client."""
        lines, self._lines = self._lines, {}
        for line in lines.values():
            await line.provider.close()


@dataclass(slots=True)
class RunLLM:
    """Sends each request to its endpoint, on one run's account."""

    gateway: Gateway
    run: str | None
    purse: Purse | None
    _chains: dict[str, Cached] = field(default_factory=dict[str, Cached])

    async def complete(self, request: Request) -> Reply:
        """Answer the request, or raise LLMError or OutOfBudget."""
        chain = self._chains.get(request.endpoint)
        if chain is None:
            chain = self._chains[request.endpoint] = self.gateway.chain(request.endpoint, self.run, self.purse)
        return await chain.complete(request)


@asynccontextmanager
async def open_gateway(endpoints: Sequence[Endpoint], *, books: Books) -> AsyncGenerator[Gateway, None]:
    """Open the endpoints for as long as the process (or the test) needs them."""
    gateway = Gateway({endpoint.name: endpoint for endpoint in endpoints}, books)
    try:
        yield gateway
    finally:
        await gateway.close()


@asynccontextmanager
async def open_llm(endpoints: Sequence[Endpoint], *, run: str | None, books: Books) -> AsyncGenerator[Complete, None]:
    """Open the endpoints for one run and close them after it."""
    async with open_gateway(endpoints, books=books) as gateway:
        yield gateway.for_run(run)


def _opened(endpoint: Endpoint) -> Line:
    return Line(
        provider=_config(endpoint).build(endpoint),
        limiter=Limiter(endpoint.policy),
        tariff=tariff_of(endpoint),
        policy=endpoint.policy,
        pace=Pace(endpoint.name, endpoint.policy),
        refusals=Refusals(),
        prefixes=Prefixes() if keeps_prompts(endpoint) else None,
    )


def tariff_of(endpoint: Endpoint) -> Tariff:
    """What the endpoint's models cost, without opening it; the endpoint's own price comes first."""
    return endpoint.price or _config(endpoint).tariff(endpoint)


def keeps_prompts(endpoint: Endpoint) -> int | None:
    """Return from how many tokens on the endpoint's server keeps the shared beginning of prompts; None: it does not."""
    told = getattr(_config(endpoint), "keeps_prompts", None)
    return None if told is None else told(endpoint)


def most_questions(endpoint: Endpoint) -> int | None:
    """Return how many yes/no questions a request to the endpoint may ask; 0: it decides none; None: it does not say."""
    told = getattr(_config(endpoint), "most_questions", None)
    return None if told is None else told(endpoint)


def _config(endpoint: Endpoint) -> ProviderConfig:
    return cast(ProviderConfig, plugins.configure("provider", endpoint.provider, endpoint.options))
