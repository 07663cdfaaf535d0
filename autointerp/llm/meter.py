"""Every attempt is written down and paid for, whatever becomes of it."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from autointerp.domain.calls import Complete, Finish, Reply, Request, Usage
from autointerp.domain.ledger import Attempt, AttemptStatus, Books, Hold
from autointerp.errors import Unavailable
from autointerp.llm import estimate
from autointerp.llm.base import CallFailed
from autointerp.llm.budget import Bound, Purse
from autointerp.llm.landing import Refusals
from autointerp.llm.prices import Tariff, cost_of, worst_cost
from autointerp.llm.waiting import to_the_end

STATUS = {
    Finish.STOP: AttemptStatus.ANSWERED,
    Finish.LENGTH: AttemptStatus.TRUNCATED,
    Finish.REFUSAL: AttemptStatus.REFUSED,
    Finish.FILTER: AttemptStatus.FILTERED,
    Finish.OTHER: AttemptStatus.ANSWERED,
}
KEPT = frozenset({Finish.STOP, Finish.LENGTH, Finish.REFUSAL, Finish.FILTER})


class Attempts(Protocol):
    """Makes one numbered attempt at a request."""

    async def attempt(self, request: Request, number: int) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt; exactly one of `reply` and `error` is there. `cost` None: not known."""

    status: AttemptStatus
    usage: Usage
    cost: int | None
    model: str | None = None
    provider_request: str | None = None
    reply: Reply | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Metered:
    """Sets the worst case aside, makes the attempt, and books line, reply and cost at once; `purse` None: no budget."""

    inner: Complete
    tariff: Tariff
    books: Books
    purse: Purse | None
    run: str | None
    refusals: Refusals

    async def attempt(self, request: Request, number: int) -> Reply:
        """Make one attempt. A cancelled or timed-out one is booked at its worst case, because it may be billed; one
        that is cancelled because its endpoint refuses everybody is heard first, if it does not take long.
        """
        usage = estimate.worst(request)
        bound = Bound(usage, worst_cost(self.tariff, request.model, usage))
        hold = await self._reserve(bound)
        started = datetime.now(UTC)
        call = asyncio.ensure_future(self.inner.complete(request))
        cancelled = await self.refusals.see_off(call)
        outcome = self._outcome(request, bound, call)
        await to_the_end(self._book(request, number, hold, outcome, started))
        if cancelled is not None:
            raise cancelled
        if outcome.reply is None:
            assert outcome.error is not None
            raise outcome.error
        return outcome.reply

    async def _reserve(self, bound: Bound) -> Hold | None:
        if self.purse is None:
            return None
        taken = asyncio.ensure_future(self.purse.take(bound))
        try:
            return await asyncio.shield(taken)
        except asyncio.CancelledError:
            taken.cancel()
            await asyncio.wait([taken])
            if not taken.cancelled() and taken.exception() is None:
                await to_the_end(self.purse.give_back(taken.result()))
            raise

    def _outcome(self, request: Request, bound: Bound, call: asyncio.Future[Reply]) -> Outcome:
        try:
            reply = call.result()
        except CallFailed as error:
            return self._failed(request, bound, error)
        except asyncio.CancelledError as error:
            return Outcome(AttemptStatus.CANCELLED, bound.usage, bound.cost, error=error)
        except Exception as error:  # noqa: BLE001 - a programmer's error, raised again once its line is written
            return Outcome(AttemptStatus.FAILED, bound.usage, bound.cost, error=error)
        cost = self._cost(request, reply.model, reply.usage)
        return Outcome(
            STATUS[reply.finish], reply.usage, cost, reply.model, reply.provider_request, replace(reply, cost=cost)
        )

    def _failed(self, request: Request, bound: Bound, error: CallFailed) -> Outcome:
        if error.endpoint_dead:
            self.refusals.note()
        said = error.said
        if said.usage is None:
            usage, cost = bound.usage, bound.cost
        else:
            usage, cost = said.usage, self._cost(request, said.model, said.usage)
        return Outcome(error.code, usage, cost, said.model, said.provider_request, error=error)

    def _cost(self, request: Request, answered: str | None, usage: Usage) -> int | None:
        return cost_of(self.tariff, asked=request.model, answered=answered, usage=usage)

    async def _book(
        self, request: Request, number: int, hold: Hold | None, outcome: Outcome, started: datetime
    ) -> None:
        line = Attempt(
            run=self.run,
            request=request.key,
            prompt=request.prompt,
            endpoint=request.endpoint,
            model_asked=request.model,
            model_answered=outcome.model,
            status=outcome.status,
            attempt=number,
            usage=outcome.usage,
            cost=outcome.cost,
            provider_request=outcome.provider_request,
            error=_told(outcome.error),
            started_at=started,
            finished_at=datetime.now(UTC),
            bytes=estimate.size_of(request),
        )
        keep = outcome.reply if outcome.reply is not None and outcome.reply.finish in KEPT else None
        if self.purse is None or hold is None:
            await self.books.book(line, keep=keep)
            return
        try:
            await self.books.book(line, keep=keep, hold=hold)
        except Unavailable:
            raise  # it is booked later, and until then set aside
        except Exception:
            await self.purse.allowance.give_back(hold)
            raise
        finally:
            self.purse.landed()


def _told(error: BaseException | None) -> str | None:
    if error is None:
        return None
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
