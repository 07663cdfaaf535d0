"""From waiting requests to a batch that is stored and paid for in advance, but not handed in yet."""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from autointerp.domain.ledger import Reserved
from autointerp.errors import OutOfBudget
from autointerp.llm import estimate
from autointerp.llm.base import CallFailed, Endpoint
from autointerp.llm.batches.base import BatchDriver, custom_id
from autointerp.llm.batches.policy import BatchPolicy
from autointerp.llm.prices import NANO, worst_cost
from autointerp.pipeline.batches.drivers import Drivers
from autointerp.storage import batch_items, batches, budgets
from autointerp.storage.batch_records import BatchGroup, BatchItem, BatchRecord, ItemState
from autointerp.storage.engine import Database, WriteSession
from autointerp.storage.tables.base import now


@dataclass(frozen=True, slots=True)
class Dear:
    """A request with the most that it may cost, in nano-dollars and tokens."""

    item: BatchItem
    cost: int
    tokens: int


async def form(database: Database, drivers: Drivers, run_id: str, *, collecting: bool) -> bool:
    """Make the batches that are ripe; True when nothing more fits in the run's budget and nothing is under way.

    `collecting`: a chunk of the run is being worked on and may ask for more.
    """
    groups = await asyncio.to_thread(_groups, database, run_id)
    stuck = False
    for group in groups:
        endpoint = drivers.endpoint(group.endpoint)
        if _ripe(group, endpoint.batch, collecting=collecting):
            driver = drivers.driver(group.endpoint)
            work = _Forming(database, drivers, run_id, group, endpoint, driver)
            with suppress(Taken):
                stuck |= await asyncio.to_thread(work.form)
    return stuck and not collecting


def _groups(database: Database, run_id: str) -> tuple[BatchGroup, ...]:
    with database.read() as session:
        if not batch_items.groups(session, run_id):
            return ()
    with database.write() as session:
        batch_items.answer_from_cache(session, run_id)
        return batch_items.groups(session, run_id)


def _ripe(group: BatchGroup, policy: BatchPolicy, *, collecting: bool) -> bool:
    waited = now() - group.since > timedelta(seconds=policy.patience)
    return not collecting or waited or group.count >= policy.max_requests


@dataclass(frozen=True, slots=True)
class _Forming:
    database: Database
    drivers: Drivers
    run_id: str
    group: BatchGroup
    endpoint: Endpoint
    driver: BatchDriver

    def form(self) -> bool:
        """Make one batch; True when the budget does not hold the first request and nothing is under way."""
        with self.database.read() as session:
            limit = self._limit(batches.last_full(session, self.endpoint.name, self.group.model))
            waiting = batch_items.pending(session, self.run_id, self.endpoint.name, self.group.model, limit=limit)
            under_way = bool(batches.open_of_run(session, self.run_id))
        tag = uuid.uuid4().hex
        fitting, failed = self._fitting(tag, waiting)
        with self.database.write() as session:
            self._refuse(session, failed)
            affordable = self._affordable(session, fitting)
            if affordable:
                self._store(session, tag, affordable)
        return bool(fitting) and not affordable and not under_way

    def _limit(self, full: BatchRecord | None) -> int:
        """How many requests at most: half of what was too much for the vendor's queue, and none until that is over."""
        policy = self.endpoint.batch
        if full is None or full.ended_at is None:
            return policy.max_requests
        if now() < full.ended_at + timedelta(seconds=policy.quota_wait):
            return 0
        return max(1, min(policy.max_requests, full.requests // 2))

    def _fitting(self, tag: str, waiting: Sequence[BatchItem]) -> tuple[list[Dear], list[tuple[BatchItem, CallFailed]]]:
        """Take the first requests whose lines are not too long together, and set apart what cannot be spelled."""
        tariff, size = self.drivers.tariff(self.endpoint.name), 0
        fitting: list[Dear] = []
        failed: list[tuple[BatchItem, CallFailed]] = []
        for number, item in enumerate(waiting):
            try:
                size += len(self.driver.line(custom_id(tag, number), item.request)) + 1
            except CallFailed as error:
                failed.append((item, error))
                continue
            if fitting and size > self.endpoint.batch.max_bytes:
                break
            usage = estimate.worst(item.request)
            fitting.append(Dear(item, worst_cost(tariff, item.request.model, usage) or 0, usage.total))
        return fitting, failed

    def _affordable(self, session: WriteSession, fitting: Sequence[Dear]) -> Sequence[Dear]:
        """Set aside the worst case of as many requests as the budget holds, and return those."""
        budget = budgets.get(session, self.run_id)
        cost, tokens, count = budget.spent_cost + budget.reserved_cost, budget.spent_tokens + budget.reserved_tokens, 0
        for dear in fitting:
            cost, tokens = cost + dear.cost, tokens + dear.tokens
            if not (_within(cost, budget.cap_cost) and _within(tokens, budget.cap_tokens)):
                break
            count += 1
        taken = fitting[:count]
        wanted = Reserved(cost=sum(d.cost for d in taken), tokens=sum(d.tokens for d in taken))
        held = budgets.reserve(session, self.run_id, wanted)
        return taken if held else ()

    def _store(self, session: WriteSession, tag: str, dear: Sequence[Dear]) -> None:
        batch = batches.create(
            session,
            run_id=self.run_id,
            endpoint=self.endpoint.name,
            provider=self.endpoint.provider,
            model=self.group.model,
            tag=tag,
            requests=len(dear),
        )
        names = {one.item.id: custom_id(tag, number) for number, one in enumerate(dear)}
        reserved = {one.item.id: (one.cost, one.tokens) for one in dear}
        if batch_items.send(session, batch.id, names, reserved) != len(dear):
            raise Taken

    def _refuse(self, session: WriteSession, failed: Sequence[tuple[BatchItem, CallFailed]]) -> None:
        for item, error in failed:
            batch_items.close(session, item.id, ItemState.FAILED, kind=type(error).__name__, error=error.detail)


def _within(total: int, cap: int | None) -> bool:
    return cap is None or total <= cap


class Taken(Exception):
    """Another worker put some of the same requests in a batch; nothing of this transaction stays."""


def refusal(database: Database, run_id: str) -> OutOfBudget:
    """Say why a run cannot go on."""
    with database.read() as session:
        budget = budgets.get(session, run_id)
        waiting = sum(group.count for group in batch_items.groups(session, run_id))
    left = "" if budget.cap_cost is None else f" (${(budget.cap_cost - budget.spent_cost) / NANO:.6f} are left)"
    return OutOfBudget(
        f"the budget does not hold the next of {waiting:,} requests that wait for a batch{left}; "
        "resume the run with a larger budget"
    )
