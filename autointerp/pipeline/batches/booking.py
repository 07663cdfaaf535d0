"""What one result of a batch means: a reply kept, a line in the ledger, the budget settled, the request closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from autointerp.domain.calls import Reply, Request, Usage
from autointerp.domain.ledger import Attempt, AttemptStatus, Reserved
from autointerp.llm import estimate
from autointerp.llm.base import CallFailed, Malformed
from autointerp.llm.batches.base import BatchDriver, Line
from autointerp.llm.batches.results import is_final
from autointerp.llm.meter import STATUS
from autointerp.llm.prices import Tariff, cost_of, worst_cost
from autointerp.llm.retry import MALFORMED_ATTEMPTS
from autointerp.storage import batch_items, budgets, calls, replies
from autointerp.storage.batch_records import BatchItem, BatchRecord, ItemState
from autointerp.storage.engine import WriteSession
from autointerp.storage.tables.base import now


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one request: a reply or a failure, and what it cost."""

    usage: Usage
    cost: int | None
    status: AttemptStatus
    reply: Reply | None = None
    failure: CallFailed | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """Books the results of one batch; `attempts` is how many batches a request is put in."""

    batch: BatchRecord
    driver: BatchDriver
    tariff: Tariff
    attempts: int

    def read(self, line: Line, item: BatchItem) -> Result:
        """Decode one line and price it."""
        if line.body is None:
            assert line.failure is not None
            return self.failed(item, line.failure)
        try:
            reply = self.driver.decode(line.body, item.request)
        except CallFailed as error:
            return self.failed(item, error)
        cost = self._cost(item.request, reply.model, reply.usage)
        return Result(reply.usage, cost, STATUS[reply.finish], reply=replace(reply, cost=cost))

    def failed(self, item: BatchItem, error: CallFailed) -> Result:
        """Price a failure; where the usage is not known, the worst case is booked."""
        said = error.said
        if said.usage is not None:
            cost = self._cost(item.request, said.model, said.usage)
            return Result(said.usage, cost, error.code, failure=error)
        worst = estimate.worst(item.request)
        return Result(worst, worst_cost(self.tariff, item.request.model, worst), error.code, failure=error)

    def book(self, session: WriteSession, results: Sequence[tuple[BatchItem, Result]]) -> None:
        """Write everything that follows from results, in the transaction of `session`."""
        if not results:
            return
        moment = now()
        for item, result in results:
            self._move(session, item, result)
        calls.record(session, [self._attempt(item, result, moment) for item, result in results])
        budgets.settle(
            session,
            self.batch.run_id,
            Reserved(
                cost=sum(item.reserved_cost for item, _ in results),
                tokens=sum(item.reserved_tokens for item, _ in results),
            ),
            cost=sum(result.cost or 0 for _, result in results),
            tokens=sum(result.usage.total for _, result in results),
        )

    def book_lines(self, session: WriteSession, lines: Mapping[str, Line]) -> list[CallFailed]:
        """Book the lines whose requests have no answer yet, and return what failed."""
        items = batch_items.sent_as(session, self.batch.id, list(lines))
        results = [(item, self.read(lines[name], item)) for name, item in items.items()]
        self.book(session, results)
        return [result.failure for _, result in results if result.failure is not None]

    def _move(self, session: WriteSession, item: BatchItem, result: Result) -> None:
        error = result.failure
        if error is None:
            assert result.reply is not None
            replies.keep(session, item.request.key, result.reply)
            batch_items.close(session, item.id, ItemState.ANSWERED)
            return
        malformed = item.malformed + isinstance(error, Malformed)
        if is_final(error) or malformed >= MALFORMED_ATTEMPTS:
            batch_items.close(session, item.id, ItemState.FAILED, kind=type(error).__name__, error=error.detail)
            return
        # A batch whose end was asked for, or that met a wrong key, says nothing of its requests.
        counts = not (self.batch.cancel or error.endpoint_dead or isinstance(error, Malformed))
        lapses = item.lapses + counts
        if lapses >= self.attempts:
            batch_items.close(session, item.id, ItemState.ONLINE, error=error.detail)
        else:
            batch_items.wait_again(session, item.id, lapses=lapses, malformed=malformed, error=error.detail)

    def _attempt(self, item: BatchItem, result: Result, moment: datetime) -> Attempt:
        request, reply, error = item.request, result.reply, result.failure
        said = error.said if error is not None else None
        return Attempt(
            run=self.batch.run_id,
            request=request.key,
            prompt=request.prompt,
            endpoint=request.endpoint,
            model_asked=request.model,
            model_answered=reply.model if reply is not None else said.model if said is not None else None,
            status=result.status,
            attempt=item.lapses + item.malformed + 1,
            usage=result.usage,
            cost=result.cost,
            provider_request=reply.provider_request if reply is not None else None,
            error=f"{type(error).__name__}: {error}" if error is not None else None,
            started_at=self.batch.submitted_at or self.batch.created_at,
            finished_at=moment,
            bytes=estimate.size_of(request),
            batch=self.batch.id,
        )

    def _cost(self, request: Request, answered: str | None, usage: Usage) -> int | None:
        return cost_of(self.tariff, asked=request.model, answered=answered, usage=usage)
