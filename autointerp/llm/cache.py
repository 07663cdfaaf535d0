"""Nothing is paid for twice: a reply is kept for ever under the digest of its request."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autointerp.domain.calls import Complete, Reply, Request, Usage
from autointerp.domain.ledger import Attempt, AttemptStatus, Books
from autointerp.errors import OutOfBudget
from autointerp.llm.flights import Flights


@dataclass(frozen=True, slots=True)
class Cached:
    """Answers from what is kept, and asks only where nothing is; a hit takes no slot and no budget."""

    inner: Complete
    books: Books
    flights: Flights[Reply]
    run: str | None

    async def complete(self, request: Request) -> Reply:
        """Answer the request; `cached` is set on a reply that cost nothing now."""
        started = datetime.now(UTC)
        while True:
            try:
                reply, mine = await self.flights.join(request.key, lambda: self._find_or_buy(request))
            except _PurseEmpty as empty:
                if empty.payer is self:
                    raise empty.refusal from None
                continue
            break
        if mine and not reply.cached:
            return reply
        await self.books.book(self._hit(request, reply, started))
        return replace(reply, cached=True)

    async def _find_or_buy(self, request: Request) -> Reply:
        kept = await self.books.find(request.key)
        if kept is not None:
            return replace(kept, cached=True)
        try:
            return await self.inner.complete(request)
        except OutOfBudget as error:
            raise _PurseEmpty(error, self) from error

    def _hit(self, request: Request, reply: Reply, started: datetime) -> Attempt:
        return Attempt(
            run=self.run,
            request=request.key,
            prompt=request.prompt,
            endpoint=request.endpoint,
            model_asked=request.model,
            model_answered=reply.model,
            status=AttemptStatus.CACHED,
            attempt=0,
            usage=Usage(),
            cost=0,
            provider_request=reply.provider_request,
            error=None,
            started_at=started,
            finished_at=datetime.now(UTC),
        )


class _PurseEmpty(Exception):
    """Whoever was buying this reply ran out of budget; those of other runs who waited for it buy it themselves."""

    def __init__(self, refusal: OutOfBudget, payer: Cached) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.payer = payer
