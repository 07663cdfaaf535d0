"""Whoever follows a run shares one look at it with all others, and hears of its end and of nothing twice."""

import asyncio
import threading
from collections.abc import AsyncGenerator

import pytest

from autointerp.api.broadcast import Broadcast
from autointerp.api.looks import Looks
from autointerp.api.schemas.runs import RunEvent
from autointerp.errors import NotFound
from autointerp.storage import run_features, runs
from autointerp.storage.engine import Database
from autointerp.storage.records import RunState
from tests.api.conftest import Queue, app_over
from tests.api.seed import Seeded, seed


@pytest.fixture
def stored(database: Database) -> Seeded:
    """What this test's own database holds."""
    return seed(database)


def looks_at(database: Database) -> Looks:
    """Looks at the runs of a database."""
    return Looks(app_over(database, Queue()).state.parts.desk)


class Counted:
    """Looks that are counted, and the threads in which they were made."""

    def __init__(self, database: Database) -> None:
        self._looks = looks_at(database)
        self.threads: list[int] = []

    def event(self, run_id: str) -> RunEvent:
        self.threads.append(threading.get_ident())
        return self._looks.event(run_id)


def start(database: Database, run_id: str) -> None:
    with database.write() as session:
        runs.set_state(session, run_id, RunState.RUNNING)


async def heard(events: AsyncGenerator[RunEvent | None]) -> list[RunEvent]:
    return [event async for event in events if event is not None]


async def test_all_who_follow_a_run_share_the_looks_and_hear_its_end(database: Database, stored: Seeded) -> None:
    looks = Counted(database)
    broadcast = Broadcast(looks.event, pause=0.02)
    start(database, stored.waiting_run)
    followers = [asyncio.create_task(heard(broadcast.follow(stored.waiting_run))) for _ in range(200)]
    await asyncio.sleep(0.2)

    with database.write() as session:
        runs.set_state(session, stored.waiting_run, RunState.CANCELLED)
    found = await asyncio.gather(*followers)

    assert {events[-1].state for events in found} == {RunState.CANCELLED}
    assert all(len(events) <= len(looks.threads) for events in found)
    assert threading.get_ident() not in looks.threads


async def test_nobody_looks_when_nobody_follows(database: Database, stored: Seeded) -> None:
    looks = Counted(database)
    broadcast = Broadcast(looks.event, pause=0.01)
    start(database, stored.waiting_run)
    events = broadcast.follow(stored.waiting_run)
    await anext(events)

    await events.aclose()
    await asyncio.sleep(0.05)
    before = len(looks.threads)
    await asyncio.sleep(0.1)

    assert len(looks.threads) == before


async def test_followers_are_let_go_when_the_server_stops(database: Database, stored: Seeded) -> None:
    broadcast = Broadcast(looks_at(database).event, pause=60)
    start(database, stored.waiting_run)
    follower = asyncio.create_task(heard(broadcast.follow(stored.waiting_run)))
    await asyncio.sleep(0.2)

    await asyncio.to_thread(broadcast.close)

    assert [event.state for event in await asyncio.wait_for(follower, 5)] == [RunState.RUNNING]


async def test_silence_is_told(database: Database, stored: Seeded) -> None:
    broadcast = Broadcast(looks_at(database).event, pause=60, heartbeat=0.01)
    start(database, stored.waiting_run)
    events = broadcast.follow(stored.waiting_run)

    while await anext(events) is None:
        pass

    assert await anext(events) is None
    await events.aclose()


def test_a_run_that_is_not_there_cannot_be_looked_at(database: Database) -> None:
    with pytest.raises(NotFound):
        looks_at(database).event("none")


def test_the_speed_is_that_between_two_looks(database: Database, stored: Seeded) -> None:
    looks = looks_at(database)
    start(database, stored.waiting_run)
    with database.write() as session:
        run_features.add(session, stored.waiting_run, stored.features[:4], chunk=10)
        first = runs.progress(session, stored.waiting_run)
        run_features.finish(session, stored.waiting_run, stored.features[:3])
        later = runs.progress(session, stored.waiting_run)

    before = looks.speedometer.note(stored.waiting_run, first, 100.0)
    speed = looks.speedometer.note(stored.waiting_run, later, 106.0)
    long_after = looks.speedometer.note(stored.waiting_run, later, 1_000.0)

    assert (before.features, speed.features, speed.requests, speed.left) == (None, 0.5, 0.0, 2.0)
    assert long_after.features is None


async def test_followers_are_let_go_when_a_look_fails_for_no_known_reason() -> None:
    def look(run_id: str) -> RunEvent:
        raise RuntimeError(run_id)

    broadcast = Broadcast(look, pause=60)
    async with asyncio.timeout(10):
        assert await asyncio.gather(*(heard(broadcast.follow("r")) for _ in range(3))) == [[], [], []]
